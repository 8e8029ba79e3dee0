/** The table of trials for a terminal: one aligned line per variant, the reason under it, the verdict last. Pure. */
import pico from 'picocolors';
import { bytesText, timeText as measuredTimeText } from '../runtime/select/figures.ts';
import type { VariantRow } from '../runtime/select/selection.ts';

/** What is shown; a device tells its fleet no more than this. */
export type TableRow = Omit<VariantRow, 'settings' | 'p95Us' | 'fate'>;

export type TableOptions = {
  /** Characters per line; reasons wrap there. Default 120. */
  readonly width?: number;
  /** Default: whether the terminal shows colours. */
  readonly colors?: boolean;
};

type Column = {
  readonly title: string;
  readonly align: 'left' | 'right';
  readonly cell: (row: TableRow) => string;
};

const columns: readonly Column[] = [
  { title: 'variant', align: 'left', cell: ({ variant, chosen }) => `${chosen ? '▸' : ' '} ${variant}` },
  { title: 'size', align: 'right', cell: ({ sizeBytes }) => bytesText(sizeBytes) },
  { title: 'p50', align: 'right', cell: ({ p50Us }) => timeText(p50Us) },
  { title: 'p90', align: 'right', cell: ({ p90Us }) => timeText(p90Us) },
  { title: 'p99', align: 'right', cell: ({ p99Us }) => timeText(p99Us) },
  { title: 'speed-up', align: 'right', cell: ({ speedup }) => (speedup === 0 ? '–' : `${speedup.toFixed(2)}×`) },
  { title: 'per second', align: 'right', cell: ({ throughputPerSecond }) => countText(throughputPerSecond) },
  { title: 'memory', align: 'right', cell: ({ peakMemoryBytes }) => memoryText(peakMemoryBytes) },
  { title: '+model', align: 'right', cell: incrementText },
  { title: 'accuracy', align: 'right', cell: ({ accuracy }) => shareText(accuracy) },
  { title: 'agreement', align: 'right', cell: ({ agreement }) => shareText(agreement) },
];

/** @param rows in the order to show, float32 first; zeros (a trial that failed) show as dashes. */
export function renderTrialTable(
  rows: readonly TableRow[],
  verdict: string,
  { width = 120, colors = pico.isColorSupported }: TableOptions = {},
): string {
  const paint = pico.createColors(colors);
  const cells = rows.map((row) => columns.map(({ cell }) => cell(row)));
  const widths = columns.map(({ title }, at) => Math.max(title.length, ...cells.map((line) => line[at]!.length)));
  const line = (texts: readonly string[]) =>
    texts
      .map((text, at) => (columns[at]!.align === 'left' ? text.padEnd(widths[at]!) : text.padStart(widths[at]!)))
      .join('  ');
  const lines = rows.flatMap((row, at) => [
    row.chosen ? paint.bold(paint.green(line(cells[at]!))) : line(cells[at]!),
    ...wrap(row.reason, width - 4).map((text) => paint.dim(`    ${text}`)),
  ]);
  const [first] = rows;
  const windows = first ? `accuracy and agreement on ${countText(first.heldOutWindows)} held-out windows` : '';
  return [
    paint.bold(line(columns.map(({ title }) => title))),
    ...lines,
    paint.dim(windows),
    ...wrap(verdict, width - 2).map((text, at) => `${at === 0 ? paint.green('→') : ' '} ${paint.bold(text)}`),
  ].join('\n');
}

/** A dash where nothing was measured. */
export function timeText(us: number): string {
  return us === 0 ? '–' : measuredTimeText(us);
}

export function countText(count: number): string {
  return count === 0 ? '–' : count.toLocaleString('en-US', { maximumFractionDigits: count < 100 ? 1 : 0 });
}

function memoryText(bytes: number): string {
  return bytes === 0 ? '–' : bytesText(bytes);
}

/** Peaks of one model differ by a MiB or two from run to run: more digits would pretend. */
function incrementText({ peakMemoryBytes, memoryIncrementBytes }: TableRow): string {
  return peakMemoryBytes === 0 ? '–' : `${(memoryIncrementBytes / 1024 ** 2).toFixed(1)} MiB`;
}

function shareText(share: number | null): string {
  return share === null ? '–' : `${(share * 100).toFixed(2)} %`;
}

/** Words in lines of at most `width` characters; a longer word stands alone. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
