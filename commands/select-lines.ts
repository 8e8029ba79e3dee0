/** A selection for people: the table, why, where the files are and how to run the answer; or two selections side by side. Pure. */
import pico from 'picocolors';
import { plainSettings, type SessionSettings, settingsText } from '../runtime/measure/session-settings.ts';
import type { Estimate } from '../runtime/measure/statistics.ts';
import { bytesText } from '../runtime/select/figures.ts';
import type { RunComparison } from '../runtime/select/repeat.ts';
import type { SelectionRequest, SelectionResult, VariantRow } from '../runtime/select/selection.ts';
import { type Column, tableLines } from './text-table.ts';
import { renderTrialTable, timeText } from './trial-table.ts';

/** Losers that were measured least are told in a line each. */
export function renderSelection(result: SelectionResult, { threads }: Pick<SelectionRequest, 'threads'>): string {
  const { rows, excluded = [], verdict, note, chosen, chosenPath, evidencePath, durationMs } = result;
  const isTabled = ({ fate }: VariantRow, at: number) => at === 0 || (fate !== 'left' && fate !== 'untimed');
  const early = rows.filter((row, at) => !isTabled(row, at));
  const lines = [
    ...byReason(early).map((line) => pico.dim(`  ${line}`)),
    ...excluded.map(({ variant, reason }) => pico.dim(`  not tried: ${variant}: ${reason}`)),
  ];
  const files = [
    `model     ${chosenPath}`,
    ...runLine(chosen.settings, threads),
    `evidence  ${evidencePath}`,
    `took      ${(durationMs / 1000).toFixed(1)} s`,
  ];
  return [
    '',
    renderTrialTable(rows.filter(isTabled), verdict),
    ...(note === undefined ? [] : [pico.yellow(`  ${note}`)]),
    ...lines,
    '',
    ...files.map((line) => pico.dim(line)),
  ].join('\n');
}

/** `a, b: no time was left for it`. */
function byReason(rows: readonly VariantRow[]): string[] {
  const groups = Map.groupBy(rows, ({ reason }) => reason);
  return Array.from(groups, ([reason, alike]) => `${alike.map(({ variant }) => variant).join('; ')}: ${reason}`);
}

/** How to run the answer, where that is not as usual. */
function runLine(settings: SessionSettings, threads: number): string[] {
  const text = settingsText(settings, plainSettings(threads));
  return text === '' ? [] : [`run with  ${text}`];
}

type ComparedRow = RunComparison['rows'][number] & { readonly mark: string };

const comparisonColumns: readonly Column<ComparedRow>[] = [
  { title: 'contender', align: 'left', cell: ({ mark, name }) => `${mark} ${name}` },
  { title: 'p50 then', align: 'right', cell: ({ before }) => timeText(before.p50Us ?? 0) },
  { title: 'now', align: 'right', cell: ({ after }) => timeText(after.p50Us ?? 0) },
  { title: 'speed-up then', align: 'right', cell: ({ before }) => speedText(before.speedup) },
  { title: 'now', align: 'right', cell: ({ after }) => speedText(after.speedup) },
  { title: 'memory then', align: 'right', cell: ({ before }) => memoryText(before.peakBytes) },
  { title: 'now', align: 'right', cell: ({ after }) => memoryText(after.peakBytes) },
];

export function renderComparison(
  { rows, before, after, agreement, changes }: RunComparison,
  evidencePath: string,
): string {
  const marked = rows.map((row) => ({
    ...row,
    mark: `${row.name === before.chosen ? '▹' : ' '}${row.name === after.chosen ? '▸' : ' '}`,
  }));
  return [
    '',
    ...tableLines(marked, comparisonColumns),
    '',
    `▹ then  ${before.verdict}`,
    `▸ now   ${after.verdict}`,
    ...changes.map((change) => pico.yellow(`  ${change}`)),
    pico.bold(agreement),
    '',
    pico.dim(`evidence  ${evidencePath}`),
  ].join('\n');
}

function speedText(speedup: Estimate | null): string {
  return speedup === null
    ? '–'
    : `${speedup.value.toFixed(2)}× (${speedup.low.toFixed(2)} to ${speedup.high.toFixed(2)})`;
}

function memoryText(bytes: number | null): string {
  return bytes === null ? '–' : bytesText(bytes);
}
