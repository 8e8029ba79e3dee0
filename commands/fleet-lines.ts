/** What `octet fleet` prints for people: devices, one device, jobs, records, answers. */
import pico from 'picocolors';
import type { JobState, Reply } from '../agent/protocol/messages.ts';
import type { DeviceState } from '../fleet/console/state.ts';
import type { BenchRecord } from '../fleet/operator/fleet-view.ts';
import { type Column, tableLines } from './text-table.ts';

const good = new Set(['succeeded']);
const bad = new Set(['failed', 'rejected', 'timed_out', 'rolled_back']);

export function stateWord(state: string): string {
  if (good.has(state)) return pico.green(state);
  return bad.has(state) ? pico.red(state) : pico.yellow(state);
}

/** @param nowMs wall time, for ages. */
export function deviceLines(devices: readonly DeviceState[], nowMs: number): string[] {
  if (devices.length === 0) return ['No device has been heard of on this broker.'];
  const columns: Column<DeviceState>[] = [
    { title: 'device', align: 'left', cell: ({ id }) => id },
    { title: 'link', align: 'left', cell: (device) => linkText(device, nowMs) },
    { title: 'board', align: 'left', cell: ({ info }) => info?.board.slice(0, 28) ?? '' },
    { title: 'slot', align: 'left', cell: slotsText(({ slot }) => slot) },
    {
      title: 'model',
      align: 'left',
      cell: slotsText(({ active }) => (active ? `${active.model} ${active.version}` : '–')),
    },
    { title: 'variant', align: 'left', cell: slotsText(({ active }) => active?.variant ?? '–') },
    { title: 'state', align: 'left', cell: slotsText(({ state, progress }) => stateText(state, progress)) },
  ];
  return tableLines(devices, columns);
}

export function oneDeviceLines(device: DeviceState, jobs: readonly JobState[], nowMs: number): string[] {
  const { id, info, reported, status } = device;
  const facts = info
    ? `${info.board}, ${info.soc}, ${info.cores} cores (${info.cpuFeatures.join(' ')})`
    : 'no birth message yet';
  return [
    `${pico.bold(id)}  ${linkText(device, nowMs)}${status ? pico.dim(`  octet ${status.agent}, session ${status.sess}`) : ''}`,
    facts,
    ...(info?.simulated ?? []).map((what) => pico.yellow(`simulated: ${what}`)),
    `obeys ${reported?.keys?.length ?? 0} keys, desired version ${reported?.desiredVersion ?? 0}, clock ${reported?.clock ?? 'unknown'}`,
    ...(reported?.slots ?? []).flatMap(slotLines),
    ...(jobs.length > 0 ? ['', ...jobLines(jobs, nowMs)] : []),
    ...(reported?.refused ?? []).map(
      ({ code, reason, topic, times }) =>
        `${pico.red('refused')} ${code}  ${reason} ${pico.dim(`(${topic}, ${times} times)`)}`,
    ),
    ...device.events.slice(-5).map(({ ts, text }) => `${pico.dim(new Date(ts).toISOString())} ${text}`),
  ];
}

function slotLines(slot: DeviceSlot): string[] {
  const { active, error, detail, state, progress } = slot;
  const what = active ? `${active.model} ${active.version} as ${pico.bold(active.variant)}` : 'nothing runs';
  return [
    `slot ${pico.bold(slot.slot)}  ${stateWord(state)} ${pico.dim(`${Math.round(100 * progress)} % ${detail}`)}  ${what}`,
    ...(active ? [pico.dim(`  ${active.verdict}`)] : []),
    ...(error ? [`  ${pico.red(error.code)}  ${error.message}`, ...(error.hint ? [`  → ${error.hint}`] : [])] : []),
  ];
}

type DeviceSlot = NonNullable<DeviceState['reported']>['slots'][number];

function jobLines(jobs: readonly JobState[], nowMs: number): string[] {
  const newest = jobs.toSorted((a, b) => b.since - a.since).slice(0, 12);
  return tableLines(newest, [
    { title: 'job', align: 'left', cell: ({ job }) => job },
    { title: 'type', align: 'left', cell: ({ type }) => type },
    { title: 'state', align: 'left', cell: ({ state, progress }) => stateText(state, progress) },
    { title: 'since', align: 'left', cell: ({ since }) => `${ageText(nowMs - since)} ago` },
    {
      title: 'why',
      align: 'left',
      cell: ({ error, detail }) => (error ? `${error.code} ${error.message}` : detail).slice(0, 90),
    },
  ]);
}

/** One line of a job under way: `measuring 40 % · trial 3 of 5`. */
export function progressText({ state, progress, detail }: JobState): string {
  const share = progress > 0 && progress < 1 ? ` ${Math.round(100 * progress)} %` : '';
  return `${state}${share}${detail === '' ? '' : ` · ${detail}`}`;
}

export function endLines({ job, state, error, detail }: JobState): string[] {
  const head = `${stateWord(state)}  ${pico.dim(job)}${detail === '' ? '' : `  ${detail}`}`;
  if (error === null) return [head];
  return [head, `${pico.red(error.code)}  ${error.message}`, ...(error.hint ? [`→ ${error.hint}`] : [])];
}

/** The matrix: what each device measured of each variant. */
export function benchLines(records: readonly BenchRecord[]): string[] {
  if (records.length === 0) return ['No device has published a measurement. To ask for one: octet fleet bench DEVICE'];
  const rows = records.toSorted((a, b) => keyOf(a).localeCompare(keyOf(b)));
  return tableLines(rows, [
    { title: 'model', align: 'left', cell: ({ body }) => `${body.model} ${body.version}` },
    { title: 'variant', align: 'left', cell: ({ variant }) => variant },
    { title: 'device', align: 'left', cell: ({ device }) => device },
    {
      title: 'p50 µs',
      align: 'right',
      cell: ({ body }) => figure(body.report?.latency.p50.valueUs ?? body.trial?.p50Us),
    },
    {
      title: 'p99 µs',
      align: 'right',
      cell: ({ body }) => figure(body.report?.latency.p99.valueUs ?? body.trial?.p99Us),
    },
    {
      title: 'per second',
      align: 'right',
      cell: ({ body }) => figure(body.report?.throughputPerSecond ?? body.trial?.throughputPerSecond),
    },
    {
      title: 'accuracy',
      align: 'right',
      cell: ({ body }) => (body.trial?.accuracy == null ? '–' : `${(100 * body.trial.accuracy).toFixed(1)} %`),
    },
    { title: 'from', align: 'left', cell: ({ body }) => (body.report ? 'benchmark job' : 'selection') },
  ]);
}

const keyOf = ({ body, variant, device }: BenchRecord) => `${body.model} ${variant} ${device}`;

/** An answer, indented by its structure: keys, then values; tables of rows stay JSON, which `--json` prints whole. */
export function replyLines({ status, error, body }: Reply): string[] {
  if (error)
    return [`${pico.red(`${status} ${error.code}`)}  ${error.message}`, ...(error.hint ? [`→ ${error.hint}`] : [])];
  return valueLines(body, '');
}

type CheckLike = { readonly name: string; readonly isOk: boolean; readonly text: string; readonly hint?: string };

export function checkLines(checks: readonly CheckLike[]): string[] {
  return checks.flatMap(({ name, isOk, text, hint }) => [
    `${isOk ? pico.green('ok  ') : pico.red('bad ')} ${name.padEnd(14)} ${text}`,
    ...(hint === undefined ? [] : [`${' '.repeat(20)}→ ${hint}`]),
  ]);
}

function valueLines(value: unknown, indent: string): string[] {
  if (Array.isArray(value) && value.every((item) => typeof item === 'string'))
    return value.map((text) => `${indent}${text}`);
  if (Array.isArray(value)) return value.map((item) => `${indent}${JSON.stringify(item).slice(0, 160)}`);
  if (value === null || typeof value !== 'object') return [`${indent}${String(value)}`];
  return Object.entries(value).flatMap(([key, inner]) =>
    inner !== null && typeof inner === 'object'
      ? [`${indent}${pico.bold(key)}`, ...valueLines(inner, `${indent}  `)]
      : [`${indent}${key}: ${String(inner)}`],
  );
}

function slotsText(text: (slot: DeviceSlot) => string) {
  return ({ reported }: DeviceState): string => (reported?.slots ?? []).map(text).join(', ');
}

function stateText(state: string, progress: number): string {
  return progress > 0 && progress < 1 ? `${state} ${Math.round(100 * progress)} %` : state;
}

function linkText({ status }: DeviceState, nowMs: number): string {
  if (status === undefined) return 'unknown';
  return status.online ? 'online' : `offline ${ageText(nowMs - status.ts)}`;
}

function ageText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
}

function figure(value: number | undefined): string {
  return value === undefined ? '–' : value.toFixed(value < 10 ? 2 : 0);
}
