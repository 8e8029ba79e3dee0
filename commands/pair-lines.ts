/** Two models in words: the error of each layer in order of execution, with a bar, and the sentence that sums it up. */
import pico from 'picocolors';
import type { LayerError } from '../runtime/quantize/inspect/compare-models.ts';
import type { PairReport } from '../runtime/quantize/inspect/inspect-pair.ts';
import { bytesText } from '../runtime/select/figures.ts';
import { outcomeLines } from './outcomes.ts';
import { type Column, shortName, tableLines } from './text-table.ts';

export function pairLines(report: PairReport): string[] {
  const { floatPath, quantizedPath, floatBytes, quantizedBytes, layers, outputs, finding, outcomes } = report;
  return [
    `${pico.bold(floatPath)} (${bytesText(floatBytes)}) against ${pico.bold(quantizedPath)} (${bytesText(quantizedBytes)}), ${report.description}`,
    '',
    ...tableLines(layers, columns),
    '',
    ...outputs.map(
      (output) =>
        `output ${output.tensor}, as it really runs: ${output.sqnrDb >= 100 ? 'equal' : `${output.sqnrDb.toFixed(1)} dB`}, cosine ${output.cosine.toFixed(5)}`,
    ),
    `${finding.layer ? pico.yellow('→') : pico.green('→')} ${pico.bold(finding.sentence)}`,
    '',
    ...outcomeLines(outcomes),
    ...(report.integerShare === null
      ? []
      : [pico.dim(`${(report.integerShare * 100).toFixed(1)} % of the multiply-adds run in integers`)]),
  ];
}

const columns: readonly Column<LayerError>[] = [
  { title: 'operator', align: 'left', cell: ({ opType }) => opType },
  { title: 'node', align: 'left', cell: ({ node, tensor }) => shortName(node || tensor, 32) },
  { title: 'SQNR dB', align: 'right', cell: ({ sqnrDb }) => dbText(sqnrDb) },
  { title: '', align: 'left', cell: ({ sqnrDb }) => bar(sqnrDb) },
  { title: 'cosine', align: 'right', cell: ({ cosine }) => cosine.toFixed(5) },
  { title: 'max error', align: 'right', cell: ({ maxError }) => maxError?.toPrecision(3) ?? 'rescaled' },
  { title: 'cut off', align: 'right', cell: ({ saturation, range }) => (range ? shareText(saturation) : 'float') },
  { title: 'weights dB', align: 'right', cell: ({ weights }) => (weights ? dbText(weights.sqnrDb) : '') },
];

const barCells = 20;
/** 8 bits do not fill more. */
const fullBarDb = 50;

/** Longer is better; eighths of a character. */
function bar(sqnrDb: number): string {
  const eighths = Math.round((Math.min(fullBarDb, Math.max(0, sqnrDb)) / fullBarDb) * barCells * 8);
  const rest = eighths % 8;
  return ('█'.repeat(Math.floor(eighths / 8)) + (rest > 0 ? '▏▎▍▌▋▊▉'[rest - 1] : '')).padEnd(barCells);
}

function dbText(db: number): string {
  return db >= 100 ? 'equal' : db.toFixed(1);
}

function shareText(share: number | null): string {
  return share === 0 || share === null ? '–' : `${(share * 100).toPrecision(2)} %`;
}
