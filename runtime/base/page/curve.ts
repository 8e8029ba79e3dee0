/** A figure over time as a line: what a sensor read, what a window's median was. */
import { type Html, html, raw } from './html.ts';
import { linearScale, type Scale } from './scale.ts';
import { numberText } from './words.ts';

export type Curve = {
  readonly title: string;
  readonly unit: string;
  /** Null where there was no reading: the line has a gap there. */
  readonly points: readonly { readonly atMs: number; readonly value: number | null }[];
  /** Stretches to be marked, with what they were: `throttled`. */
  readonly marks?: readonly { readonly fromMs: number; readonly toMs: number }[];
  readonly markName?: string;
  /** The least that the vertical axis spans, so that noise does not look like drama. */
  readonly leastSpan: number;
};

const [width, height] = [600, 120];

/** Several under one another share their time axis. @param toMs its end. */
export function curve({ title, unit, points, marks = [], markName = '', leastSpan }: Curve, toMs: number): Html {
  const known = points.flatMap(({ value }) => value ?? []);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const y = spanned(low, high, leastSpan);
  const x = (atMs: number) => (Math.min(1, atMs / (toMs || 1)) * width).toFixed(1);
  const bands = marks.map(
    ({ fromMs, toMs: endMs }) =>
      html`<rect class="mark" x="${x(fromMs)}" y="0" width="${Math.max(2, Number(x(endMs)) - Number(x(fromMs))).toFixed(1)}" height="${height}"/>`,
  );
  const label = `${title}: from ${numberText(low)} to ${numberText(high)} ${unit}${marks.length > 0 ? `; ${markName} at times` : ''}`;
  return html`<figure class="curve"><figcaption><b>${title}</b>, ${unit}${marks.length > 0 ? html` <span class="legend"><i class="mark"></i>${markName}</span>` : null}</figcaption>
<div class="plane"><div class="levels">${y.ticks.map((tick) => html`<span style="bottom:${percent(y.share(tick))}">${numberText(tick)}</span>`)}</div>
<div class="field">${y.ticks.map((tick) => html`<i class="line" style="bottom:${percent(y.share(tick))}"></i>`)}
<svg viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" role="img" aria-label="${label}">${bands}
<path d="${raw(pathOf(points, x, y))}"/></svg></div></div></figure>`;
}

/** The common time axis, to be put under the last curve. @param toMs above 0. */
export function timeAxis(toMs: number): Html {
  const isLong = toMs >= 180_000;
  const scale = linearScale(0, toMs / (isLong ? 60_000 : 1000), 5);
  return html`<div class="time-axis"><div class="field">${scale.ticks.map((tick) => html`<span style="left:${percent(scale.share(tick))}">${numberText(tick)}</span>`)}</div><p class="muted small">${isLong ? 'minutes' : 'seconds'} since the beginning</p></div>`;
}

function spanned(low: number, high: number, leastSpan: number): Scale {
  const middle = (low + high) / 2;
  const span = Math.max((high - low) * 1.2, leastSpan);
  const from = low >= 0 ? Math.max(0, middle - span / 2) : middle - span / 2;
  return linearScale(from, from + span, 4);
}

/** A line through what is known; a lone reading is a dash that can be seen. */
function pathOf(points: Curve['points'], x: (atMs: number) => string, y: Scale): string {
  const at = (value: number) => ((1 - y.share(value)) * height).toFixed(1);
  return points
    .map(({ atMs, value }, index) => {
      if (value === null) return '';
      const begins = (points[index - 1]?.value ?? null) === null;
      const ends = (points[index + 1]?.value ?? null) === null;
      return `${begins ? 'M' : 'L'}${x(atMs)} ${at(value)}${begins && ends ? 'h4' : ''}`;
    })
    .join('');
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(2)}%`;
}
