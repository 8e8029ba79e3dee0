/** A bench as a page: the figures with their intervals, what disturbed them, and cold against sustained. */
import { basename } from 'node:path';
import { type Curve, curve, timeAxis } from '../../base/page/curve.ts';
import { type Html, html } from '../../base/page/html.ts';
import { factList, finding, renderPage, section, tile, tiles } from '../../base/page/page.ts';
import { sizeText, timeText } from '../../base/page/words.ts';
import type { BenchReport } from '../bench-report.ts';

type Window = BenchReport['windows'][number];

/** @returns a complete HTML document. */
export function benchPage(report: BenchReport): string {
  const { model, options, device, windows, sustained, isReliable } = report;
  return renderPage({
    title: `${basename(model.path)}: bench`,
    eyebrow: 'Octet bench report',
    heading: basename(model.path),
    lead: html`${options.mode}, ${options.threads} ${options.threads === 1 ? 'thread' : 'threads'}, on ${device.board}`,
    body: [
      figures(report),
      finding(verdictOf(report), !isReliable || sustained?.wasThrottled === true),
      section(
        'latency',
        'Time of one query',
        'With distribution-free 95 % intervals; a question mark where too few queries bound it.',
        latencyTable(report),
      ),
      section(
        'windows',
        'Window by window',
        'The measurement in stretches, each judged by itself; the figures above are of those that nothing disturbed.',
        curves(windows, 'disturbed'),
      ),
      sustained &&
        section(
          'sustained',
          'Cold against sustained',
          'Without a pause and without choosing: what heat does to it.',
          curves(sustained.windows, 'disturbed'),
        ),
      section('facts', 'What the figures depend on', 'Everything needed to compare them with others.', facts(report)),
      section(
        'again',
        'Measure it again',
        'The same measurement, word for word.',
        html`<pre>${report.again.join(' ')}</pre>`,
      ),
    ],
    footer: `octet ${report.versions.octet}; all of it as data: octet bench --json, --csv`,
  });
}

function figures({ latency, throughputPerSecond, memory, energy, energyNote }: BenchReport): Html {
  return tiles([
    tile('median', timeText(latency.p50.valueUs), `99 % within ${timeText(latency.p99.valueUs)}`),
    tile('throughput', Math.round(throughputPerSecond).toLocaleString('en-US'), 'samples per second'),
    tile('memory', sizeText(memory.peakBytes), `${sizeText(memory.incrementBytes)} over a model of one node`),
    energy === null
      ? tile('energy', '–', energyNote)
      : tile(
          'energy',
          `${(energy.joulesPerSample * 1000).toPrecision(3)} mJ`,
          `a sample at ${energy.watts.toFixed(2)} W`,
        ),
  ]);
}

function verdictOf({ isReliable, windows, windowsWanted, sustained }: BenchReport): string {
  const clean = windows.filter(({ disturbances }) => disturbances.length === 0).length;
  const trust = isReliable
    ? `${clean} of ${windows.length} windows went undisturbed.`
    : `Unreliable: ${windowsWanted} undisturbed windows were wanted, ${clean} of ${windows.length} went undisturbed.`;
  if (sustained === null) return trust;
  const heat =
    sustained.highestTemperatureC === null
      ? 'this device has no temperature sensor'
      : `up to ${sustained.highestTemperatureC.toFixed(1)} °C`;
  return `${trust} Sustained, it takes ${sustained.ratio.toFixed(2)} times as long as cold (${timeText(sustained.p50Us)} against ${timeText(sustained.coldP50Us)}); ${heat}${sustained.wasThrottled ? ', and it was throttled' : ''}.`;
}

function latencyTable({ latency }: BenchReport): Html {
  const end = (us: number | null) => (us === null ? '?' : timeText(us));
  const row = (name: string, { valueUs, lowUs, highUs }: BenchReport['latency']['p50']) =>
    html`<tr><td>${name}</td><td class="number">${timeText(valueUs)}</td><td class="number">${end(lowUs)} to ${end(highUs)}</td></tr>`;
  return html`<table><thead><tr><th>quantile</th><th class="number">time</th><th class="number">between</th></tr></thead><tbody>
${row('p50', latency.p50)}${row('p90', latency.p90)}${row('p99', latency.p99)}${row('p99.9', latency.p999)}</tbody></table>`;
}

/** Latency, temperature and clock on one time axis; what the device does not tell is said in words. */
function curves(windows: readonly Window[], markName: string): Html {
  const last = windows.at(-1)!;
  const toMs = last.atMs + last.durationMs;
  const slowest = Math.max(...windows.map(({ p50Us }) => p50Us));
  const [unit, us] = slowest < 10_000 ? (['µs', 1] as const) : (['ms', 1000] as const);
  const wanted: readonly (Curve & { readonly missing?: string })[] = [
    { title: 'Median', unit, leastSpan: (slowest / us) * 0.2, points: pointsOf(windows, ({ p50Us }) => p50Us / us) },
    {
      ...{ title: 'Temperature', unit: '°C', leastSpan: 10, missing: 'no temperature sensor' },
      points: pointsOf(windows, ({ temperatureC }) => temperatureC),
    },
    {
      ...{ title: 'Clock', unit: 'MHz', leastSpan: 400, missing: 'no clock to be read' },
      points: pointsOf(windows, ({ frequencyMHz }) => frequencyMHz),
    },
  ];
  const isKnown = ({ points }: Curve) => points.some(({ value }) => value !== null);
  const missing = wanted.flatMap((each) => (isKnown(each) ? [] : (each.missing ?? [])));
  const marks = windows
    .filter(({ disturbances }) => disturbances.length > 0)
    .map(({ atMs, durationMs }) => ({ fromMs: atMs, toMs: atMs + durationMs }));
  return html`<div class="curves">${wanted.filter(isKnown).map((each) => curve({ ...each, marks, markName }, toMs))}</div>${timeAxis(toMs)}${missing.length === 0 ? null : html`<p class="muted">Not shown: ${missing.join(', ')} on this device.</p>`}${disturbanceList(windows)}`;
}

/** At the middle of its window each. */
function pointsOf(windows: readonly Window[], value: (window: Window) => number | null): Curve['points'] {
  return windows.map((window) => ({ atMs: window.atMs + window.durationMs / 2, value: value(window) }));
}

/** Each kind of disturbance once, with the first words for it. */
function disturbanceList(windows: readonly Window[]): Html | null {
  const kinds = Map.groupBy(
    windows.flatMap(({ disturbances }) => disturbances),
    ({ kind }) => kind,
  );
  if (kinds.size === 0) return null;
  return html`<p class="muted">${[...kinds].map(([kind, all]) => `${kind}: ${all[0]!.text}`).join('; ')}.</p>`;
}

function facts(report: BenchReport): Html {
  const { model, inputs, load, firstQueryUs, warmUp, queries, device, versions, conditions, startedAt, options } =
    report;
  return factList([
    ['model', `sha256 ${model.sha256.slice(0, 16)}…, ${sizeText(model.sizeBytes)}`],
    ['inputs', inputs],
    [
      'query',
      options.batch === 1 ? 'one sample' : `${options.batch} samples${queries.isBatched ? '' : ', one call each'}`,
    ],
    ['load', `${load.ms.toFixed(1)} ms, first query ${timeText(firstQueryUs)}`],
    ['warm-up', `${(warmUp.ms / 1000).toFixed(1)} s, ${warmUp.isStable ? 'stable' : 'times had not settled'}`],
    [
      'clock',
      queries.perReading === 1
        ? 'fine enough for one query'
        : `too coarse for one query: ${queries.perReading} timed at once`,
    ],
    ['device', `${device.board}, ${device.soc}`],
    [
      'processor',
      `${device.cores} × ${device.processor}: ${device.cpuFeatures.join(' ') || 'no features that matter to int8'}`,
    ],
    ['governor', conditions.before.governor ?? 'not told by this device'],
    ['system', `${device.os}, Linux ${device.kernel}`],
    ['software', `octet ${versions.octet}, ONNX Runtime ${versions.onnxRuntime}, Node.js ${versions.node}`],
    ['when', startedAt.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')],
    ...device.remarks.map((remark) => ['mind', remark] as const),
  ]);
}
