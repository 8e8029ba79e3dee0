/** `octet quantize --recipe auto`: the closed loop, and the table of what it tried. */
import pico from 'picocolors';
import type { AutoResult } from '../runtime/quantize/auto/auto.ts';
import { runAuto } from '../runtime/quantize/auto/run-auto.ts';
import { bytesText } from '../runtime/select/figures.ts';
import type { ModelArgument } from './model-argument.ts';
import { mostSamples } from './quantize-options.ts';

/** What people are told of; the model and its recipe are files. */
export type AutoReport = Omit<AutoResult, 'bytes' | 'recipe'>;

export type AutoSettings = {
  readonly activation: 'uint8' | 'int8';
  readonly reduceRange: boolean;
  readonly samples?: number;
  readonly batch: number;
  readonly maxDrop?: number;
  readonly maxDisagreement?: number;
  readonly searchTime: number;
  readonly onProgress: (fraction: number, detail: string) => void;
  readonly signal: AbortSignal;
};

/** In a process of its own. @throws what `runAuto` throws. */
export function autoOn(argument: ModelArgument, data: readonly string[], settings: AutoSettings): Promise<AutoResult> {
  const { modelPath, budget, featuresPath, pipeline, task } = argument;
  const { activation, reduceRange, maxDrop, maxDisagreement, searchTime, onProgress, signal } = settings;
  const options = {
    activation,
    reduceRange,
    budget: {
      maxDrop: maxDrop ?? budget?.maxDrop ?? 0.01,
      maxDisagreement: maxDisagreement ?? budget?.maxDisagreement ?? 0.02,
    },
    ...(task === undefined ? {} : { task }),
    threads: 1,
    batch: settings.batch,
    samples: settings.samples ?? mostSamples,
    searchMs: searchTime * 1000,
  };
  const about = {
    ...(featuresPath ? { featuresPath } : {}),
    ...(pipeline ? { pipeline } : {}),
    ...(task ? { task } : {}),
  };
  return runAuto({ modelPath, data, about, options }, { onProgress, signal });
}

/** How many of those tried are listed. */
const mostRows = 12;
/** How many of the float nodes are listed with their reasons. */
const mostReasons = 6;

/** What was tried, what won by how much, and how much of the arithmetic runs in int8. */
export function autoLines({ tried, label, verification, accuracy, multiplyAdds }: AutoReport, sizes: Sizes): string[] {
  const rows = [...tried].sort((a, b) => (b.ratio ?? 0) - (a.ratio ?? 0));
  const shown = rows.filter((row, index) => index < mostRows || row.label === label || row.refused !== undefined);
  return [
    pico.bold('float32 time / its time, timed in one process'),
    ...shown.map(
      (row) =>
        `${row.label === label ? '▸' : ' '} ${row.ratio === null ? '  –  ' : `${row.ratio.toFixed(2)}×`}  ${row.label}${refusal(row)}`,
    ),
    ...(rows.length > shown.length ? [`  … and ${rows.length - shown.length} more, slower`] : []),
    '',
    `${pico.bold(label)}  ${bytesText(sizes.floatBytes)} → ${bytesText(sizes.sizeBytes)}`,
    verification
      ? speedLine(verification)
      : 'nothing was faster beyond doubt within the budget: the float32 model, unchanged',
    ...(accuracy ? [accuracyLine(accuracy)] : []),
    `${percent(multiplyAdds.share)} of ${multiplyAdds.total.toLocaleString('en-US')} multiply-adds in int8`,
    ...multiplyAdds.float
      .slice(0, mostReasons)
      .map((row) => `  ${percent(row.share)} float  ${row.opType} "${row.node}": ${row.reason}`),
  ];
}

export type Sizes = { readonly floatBytes: number; readonly sizeBytes: number };

function refusal({ refused }: AutoResult['tried'][number]): string {
  return refused === undefined ? '' : pico.yellow(`  refused: ${refused}`);
}

function speedLine({ floatP50Us, p50Us, speedup }: NonNullable<AutoResult['verification']>): string {
  const interval = `${speedup.low.toFixed(2)} to ${speedup.high.toFixed(2)}`;
  return `${floatP50Us.toFixed(1)} µs → ${p50Us.toFixed(1)} µs, ${speedup.value.toFixed(2)} times as fast (95 %: ${interval})`;
}

function accuracyLine(judgement: NonNullable<AutoResult['accuracy']>): string {
  const { metric, value, limit, windows, agreement, verdict, moreWindows } = judgement;
  const more = verdict === 'insufficient' && moreWindows !== null ? `; ${moreWindows} more would make it certain` : '';
  const same = agreement === null ? '' : `, ${percent(agreement)} equal decisions`;
  return `${metric} ${percent(value)} of ${percent(limit)} allowed on ${windows} held-out windows${same}${more}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
