/** What the device went through while it measured: temperature, clock and load, on one time axis. */
import { type Curve, curve, timeAxis } from '../../base/page/curve.ts';
import { type Html, html } from '../../base/page/html.ts';
import type { Evidence } from '../evidence.ts';

type Moment = Evidence['timeline'][number];

type Kind = {
  readonly title: string;
  readonly unit: string;
  readonly leastSpan: number;
  readonly value: (moment: Moment) => number | null;
  /** Said where the device does not tell. */
  readonly missing: string;
};

const kinds: readonly Kind[] = [
  {
    ...{ title: 'Temperature', unit: '°C', leastSpan: 10, missing: 'no temperature sensor' },
    value: ({ temperatureC }) => temperatureC,
  },
  {
    ...{ title: 'Clock', unit: 'MHz', leastSpan: 400, missing: 'no clock to be read' },
    value: ({ frequencyMHz }) => frequencyMHz,
  },
  {
    ...{ title: 'Load', unit: 'processes wanting to run, mean of a minute', leastSpan: 1, missing: 'no load told' },
    value: ({ load1 }) => load1,
  },
];

export function conditionsPlot({ timeline }: Evidence): Html {
  const toMs = timeline.at(-1)?.atMs ?? 0;
  const known = kinds.filter(({ value }) => timeline.some((moment) => value(moment) !== null));
  const missing = kinds.filter((kind) => !known.includes(kind)).map((kind) => kind.missing);
  const note =
    missing.length === 0 ? null : html`<p class="muted">Not shown: ${missing.join(', ')} on this device.</p>`;
  if (known.length === 0 || toMs === 0)
    return html`${note}<p class="muted">The selection was over too soon for a curve.</p>`;
  const marks = throttledStretches(timeline);
  return html`<div class="curves">${known.map((kind) => curve({ ...curveOf(kind, timeline), marks, markName: 'held back' }, toMs))}</div>${timeAxis(toMs)}${note}`;
}

function curveOf({ title, unit, leastSpan, value }: Kind, timeline: readonly Moment[]): Curve {
  return { title, unit, leastSpan, points: timeline.map((moment) => ({ atMs: moment.atMs, value: value(moment) })) };
}

/** From each moment at which the processor was held back to the next. */
function throttledStretches(timeline: readonly Moment[]) {
  return timeline.flatMap(({ atMs, throttled }, at) =>
    throttled.length === 0 ? [] : [{ fromMs: atMs, toMs: timeline[at + 1]?.atMs ?? atMs }],
  );
}
