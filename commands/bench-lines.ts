/** A bench's report for people. Pure. */
import pico from 'picocolors';
import type { BenchReport } from '../runtime/measure/bench-report.ts';
import { bytesText } from '../runtime/select/figures.ts';
import { tableLines } from './text-table.ts';
import { countText, timeText } from './trial-table.ts';

export function renderBench(report: BenchReport): string {
  const { options, versions, latency, memory, queries } = report;
  const threads = `${options.threads} thread${options.threads === 1 ? '' : 's'}`;
  const lines: readonly (readonly [string, string])[] = [
    ['model', `${report.model.path} (sha256 ${report.model.sha256.slice(0, 12)}…)`],
    ['device', `${report.device.board}, ${report.device.soc}`],
    ['engine', `ONNX Runtime ${versions.onnxRuntime}, ${threads}`],
    ['mode', modeText(report)],
    ['inputs', report.inputs],
    ['load', `${report.load.ms.toFixed(1)} ms, first query ${timeText(report.firstQueryUs)}`],
    ['latency', `p50 ${quantileText(latency.p50)}   p90 ${quantileText(latency.p90)}`],
    ['', `p99 ${quantileText(latency.p99)}   p99.9 ${quantileText(latency.p999)}`],
    [
      'throughput',
      `${countText(report.throughputPerSecond)} samples per second (${countText(queries.measured)} queries)`,
    ],
    [
      'memory',
      `peak ${bytesText(memory.peakBytes)}, ${bytesText(memory.incrementBytes)} over a model of one node; steady ${pssText(memory.steadyPssBytes)}`,
    ],
    ['energy', energyText(report)],
    ...(queries.perReading > 1
      ? [['clock', `too coarse for one query: ${queries.perReading} timed at once`] as const]
      : []),
    ...(report.warmUp.isStable ? [] : [['unstable', 'times had not settled after the warm-up'] as const]),
    ...disturbanceLines(report),
    ...report.device.remarks.map((remark) => ['mind', remark] as const),
  ];
  return [
    ...lines.map(([name, value]) => `${pico.dim(name.padEnd(12))} ${value}`),
    ...sustainedLines(report.sustained),
  ].join('\n');
}

/** `84.2 µs (83.9 to 84.6)`; an end that too few queries bound is a question mark. */
function quantileText({ valueUs, lowUs, highUs }: BenchReport['latency']['p50']): string {
  const end = (us: number | null) => (us === null ? '?' : timeText(us));
  return `${timeText(valueUs)} ${pico.dim(`(${end(lowUs)} to ${end(highUs)})`)}`;
}

function modeText({ options: { mode, batch }, queries: { isBatched } }: BenchReport): string {
  if (batch === 1) return mode;
  return `${mode}, ${batch} samples a query${isBatched ? '' : ', one call each: its batch size is fixed'}`;
}

function pssText(bytes: number | null): string {
  return bytes === null ? 'not told' : `${bytesText(bytes)} (PSS)`;
}

function energyText({ energy, energyNote }: BenchReport): string {
  if (energy === null) return `not measured: ${energyNote}`;
  return `${(energy.joulesPerSample * 1000).toPrecision(3)} mJ a sample at ${energy.watts.toFixed(2)} W (${energyNote})`;
}

/** What was thrown away and why; and whether what is left can be believed. */
function disturbanceLines({ windows, isReliable, windowsWanted }: BenchReport): (readonly [string, string])[] {
  const disturbed = windows.filter(({ disturbances }) => disturbances.length > 0);
  if (disturbed.length === 0) return [];
  const kinds = [...new Set(disturbed.flatMap(({ disturbances }) => disturbances.map(({ kind }) => kind)))];
  const example = disturbed[0]!.disturbances[0]!.text;
  const clean = windows.length - disturbed.length;
  const lines = [
    ['disturbed', `${disturbed.length} of ${windows.length} windows were ${kinds.join(' and ')}: ${example}`],
  ] as const;
  if (isReliable) return [...lines];
  const used =
    clean === 0
      ? 'the figures are of the fastest window alone'
      : `the figures are of ${clean} window${clean === 1 ? '' : 's'}`;
  return [...lines, ['unreliable', `${windowsWanted} undisturbed windows were wanted; ${used}`]];
}

type Sustained = NonNullable<BenchReport['sustained']>;

const degrees = (value: number | null) => (value === null ? '–' : value.toFixed(1));

function sustainedLines(sustained: BenchReport['sustained']): string[] {
  if (sustained === null) return [];
  const { coldP50Us, p50Us, ratio, highestTemperatureC, wasThrottled, windows } = sustained;
  const heat = highestTemperatureC === null ? 'no temperature sensor' : `up to ${degrees(highestTemperatureC)} °C`;
  const verdict = `cold ${timeText(coldP50Us)}, sustained ${timeText(p50Us)}: ${ratio.toFixed(2)} times; ${heat}${wasThrottled ? ', throttled' : ''}`;
  const step = Math.ceil(windows.length / 12);
  const shown = windows.filter((_, at) => at % step === 0 || at === windows.length - 1);
  return [
    '',
    ...tableLines<Sustained['windows'][number]>(shown, [
      {
        title: 'time',
        align: 'right',
        cell: ({ atMs }) => `${(atMs / 1000).toFixed(windows.at(-1)!.atMs < 30_000 ? 1 : 0)} s`,
      },
      { title: 'p50', align: 'right', cell: (window) => timeText(window.p50Us) },
      { title: 'p99', align: 'right', cell: (window) => timeText(window.p99Us) },
      { title: '°C', align: 'right', cell: ({ temperatureC }) => degrees(temperatureC) },
      {
        title: 'MHz',
        align: 'right',
        cell: ({ frequencyMHz }) => (frequencyMHz === null ? '–' : String(frequencyMHz)),
      },
      { title: 'disturbed', align: 'left', cell: ({ disturbances }) => disturbances.map(({ kind }) => kind).join(' ') },
    ]),
    verdict,
  ];
}
