/** What `octet prune` tells people: each layer before and after, what stays whole and why, size, speed, and decisions. */
import pico from 'picocolors';
import type { AccuracyJudgement } from '../runtime/measure/accuracy.ts';
import type { PairLatency } from '../runtime/quantize/report/latency.ts';
import { bytesText, estimateText } from '../runtime/select/figures.ts';
import type { LayerChange, LayerSize, ModelSize } from '../runtime/train/prune/prune-model.ts';
import type { PruneResult } from './prune-file.ts';
import { type Column, shortName, tableLines } from './text-table.ts';

export function pruneLines(result: PruneResult): string[] {
  const { before, after, layers, whole, loss, latency, accuracy, output, recipePath, record } = result;
  return [
    ...tableLines(layers, columns),
    ...whole.map(
      ({ node, pinned, channels, reason }) =>
        `${pico.dim('whole')}  ${shortName(node)}: ${pinned === channels ? '' : `${pinned} of ${channels} channels: `}${reason}`,
    ),
    '',
    ...sizeLines(before, after),
    latencyLine(latency, record.recipe.form === 'unstructured'),
    ...(loss && loss.first !== loss.last
      ? [`loss ${loss.first.toPrecision(3)} → ${loss.last.toPrecision(3)} over the last round's steps`]
      : []),
    accuracy ? accuracyLine(accuracy) : pico.yellow('no held-out samples to judge by'),
    '',
    `${pico.bold(output)}  ${bytesText(before.sizeBytes)} → ${bytesText(after.sizeBytes)}`,
    pico.dim(`recipe: ${recipePath}`),
  ];
}

const columns: readonly Column<LayerChange>[] = [
  { title: 'operator', align: 'left', cell: ({ opType }) => opType },
  { title: 'layer', align: 'left', cell: ({ node }) => shortName(node) },
  { title: 'channels', align: 'right', cell: change(({ channels }) => String(channels)) },
  { title: 'multiply-adds', align: 'right', cell: change(({ multiplyAdds }) => countText(multiplyAdds)) },
  { title: 'weights', align: 'right', cell: change(({ weightBytes }) => bytesText(weightBytes)) },
];

function change(text: (size: LayerSize) => string): (row: LayerChange) => string {
  return ({ before, after }) => (text(before) === text(after) ? text(before) : `${text(before)} → ${text(after)}`);
}

function sizeLines(before: ModelSize, after: ModelSize): string[] {
  const less = 1 - after.multiplyAdds / Math.max(1, before.multiplyAdds);
  return [
    `multiply-adds ${countText(before.multiplyAdds)} → ${countText(after.multiplyAdds)} (${percent(less)} less)`,
    `compressed (deflate) ${bytesText(before.compressedBytes)} → ${bytesText(after.compressedBytes)}${
      after.zeros > 0.01 ? `, ${percent(after.zeros)} of the weights are zero` : ''
    }`,
  ];
}

function latencyLine(latency: PairLatency, isUnstructured: boolean): string {
  if (!latency.ok) return pico.yellow(`latency could not be measured: ${latency.reason}`);
  const { float, quantized, speedup } = latency;
  const times = `${float.p50Us.toFixed(1)} µs → ${quantized.p50Us.toFixed(1)} µs a call, ${estimateText(speedup)}`;
  return isUnstructured ? `${times}: zeros are multiplied like any number` : times;
}

function accuracyLine({ metric, value, windows, agreement, accuracy, baselineAccuracy }: AccuracyJudgement): string {
  const same = agreement === null ? '' : `${percent(agreement)} equal decisions`;
  if (accuracy !== null && baselineAccuracy !== null)
    return `accuracy ${percent(baselineAccuracy)} → ${pico.bold(percent(accuracy))}, ${same}, on ${windows} held-out samples`;
  return `${same || `${metric} ${percent(value)}`} on ${windows} held-out samples`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function countText(count: number): string {
  if (count >= 1e6) return `${(count / 1e6).toFixed(2)} M`;
  return count >= 1e4 ? `${(count / 1e3).toFixed(0)} k` : String(count);
}
