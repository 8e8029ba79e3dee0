/**
 * What each contender costs in accuracy against what it takes in time: the picture that a choice is made from. The further up and
 * left, the better; the area of a circle is memory. In the page's own text, so that names keep their size on a phone.
 */
import { percent } from '../../base/page/curve.ts';
import { type Html, html } from '../../base/page/html.ts';
import { linearScale, type Scale, scaleOver } from '../../base/page/scale.ts';
import { numberText, sizeText, timeText, timeUnit } from '../../base/page/words.ts';
import type { TrialEvidence } from '../trial-evidence.ts';
import type { Contender } from './contenders.ts';
import { type Box, type Place, placeLabels } from './place-labels.ts';

type Drawn = Contender & {
  readonly sampleUs: NonNullable<Contender['sampleUs']>;
  readonly costs: { readonly value: number; readonly bound: number };
  /** What it really costs, where that is further down than the picture goes. */
  readonly beyond: number | null;
};

/** The plot's own size on the narrowest screen that is catered for, 390 pixels wide. */
const [narrowPx, heightPx] = [292, 300];
const largestRadiusPx = 13;

const titles = {
  'net loss': 'points of accuracy lost against float32',
  changed: 'per cent of decisions changed against float32',
  error: 'error against float32, per cent of the spread',
} as const satisfies Record<NonNullable<TrialEvidence['accuracy']>['metric'], string>;

/** Null when fewer than two contenders have both a time and an accuracy. */
export function tradeOff(contenders: readonly Contender[]): Html | null {
  const known = contenders.flatMap(drawnFrom);
  if (known.length < 2) return null;
  const unjudged = contenders.filter(
    ({ sampleUs, accuracy, isBaseline }) => !isBaseline && sampleUs !== null && accuracy === null,
  ).length;
  const judged = contenders.find(({ accuracy, isBaseline }) => accuracy !== null && !isBaseline)?.accuracy;
  const limit = (judged?.limit ?? 0) * 100;
  const most = mostShown(known, limit);
  const drawn = known.map((contender) => within(contender, most));
  const x = timeScale(drawn);
  const y = costScale(drawn, most);
  const places = labelled(drawn, x, y, limit);
  const { unit, us } = timeUnit(x.to);
  return html`<p class="legend"><span><i class="circle chosen"></i>chosen</span><span><i class="circle float32"></i>float32</span><span><i class="circle"></i>met every demand</span><span><i class="circle refused"></i>missed a demand</span>${memoryLegend(drawn)}</p>
<p class="axis-title muted small">↑ better · ${titles[judged?.metric ?? 'changed']}, with 95 % bound</p>
<div class="plane trade-off"><div class="levels">${y.ticks.map((tick) => html`<span style="top:${percent(y.share(tick))}">${numberText(tick)}</span>`)}</div>
<div class="field">${y.ticks.map((tick) => html`<i class="line" style="top:${percent(y.share(tick))}"></i>`)}${x.ticks.map((tick) => html`<i class="upright" style="left:${percent(x.share(tick))}"></i>`)}
<i class="budget" style="top:${percent(y.share(limit))}"></i><span class="budget-name small" style="top:${percent(y.share(limit))}">allowed: ${numberText(limit)}</span>
${drawn.map((contender, at) => circle(contender, places[at], x, y, drawn))}</div></div>
<div class="time-axis trade-off"><div class="field">${x.ticks.map((tick) => html`<span style="left:${percent(x.share(tick))}">${numberText(tick / us)}</span>`)}</div><p class="muted small">← faster · ${unit} for one sample${x.to / x.from > 3 ? ', logarithmic' : ''}</p></div>${unjudgedText(unjudged)}`;
}

/** Accuracy is judged only of those that may still win. */
function unjudgedText(count: number): Html | null {
  if (count <= 0) return null;
  const who = count === 1 ? 'One more contender was' : `${count} more contenders were`;
  return html`<p class="muted small">${who} timed and left the race before accuracy was judged; see the table.</p>`;
}

function drawnFrom(contender: Contender): Drawn[] {
  const { accuracy, sampleUs, isBaseline } = contender;
  if (sampleUs === null) return [];
  if (isBaseline) return [{ ...contender, sampleUs, costs: { value: 0, bound: 0 }, beyond: null }];
  if (accuracy === null || !Number.isFinite(accuracy.value)) return [];
  return [
    { ...contender, sampleUs, costs: { value: accuracy.value * 100, bound: accuracy.bound * 100 }, beyond: null },
  ];
}

function within(contender: Drawn, most: number): Drawn {
  const { value, bound } = contender.costs;
  if (value <= most) return { ...contender, costs: { value, bound: Math.min(bound, most) } };
  return { ...contender, costs: { value: most, bound: most }, beyond: value };
}

/** Room for every circle; a whisker of a disturbed comparison may leave the picture rather than squeeze the others. */
function timeScale(drawn: readonly Drawn[]): Scale {
  const values = drawn.map(({ sampleUs }) => sampleUs.value);
  const [least, most] = [Math.min(...values) / 1.3, Math.max(...values) * 1.3];
  return scaleOver(drawn.flatMap(({ sampleUs: { low, high } }) => [Math.max(low, least), Math.min(high, most)]));
}

/** The most that is shown: some way beyond what is allowed. What is worse lies there, and its name says how bad it is. */
function mostShown(drawn: readonly Drawn[], limit: number): number {
  const worst = Math.max(limit, ...drawn.flatMap(({ costs }) => [costs.value, costs.bound]));
  return Math.max(limit * 1.35, Math.min(worst * 1.05, limit * 4), 0.1);
}

/** With room for a circle at both ends. */
function costScale(drawn: readonly Drawn[], most: number): Scale {
  const least = Math.min(0, ...drawn.map(({ costs }) => costs.value));
  const room = (most - least) * 0.1;
  return linearScale(least - room, most + room, 5);
}

/** float32 and the chosen one first, then from fast to slow. */
function labelled(drawn: readonly Drawn[], x: Scale, y: Scale, limit: number): (Place | undefined)[] {
  const rank = ({ fate, isBaseline }: Drawn) => (fate === 'chosen' ? 0 : isBaseline ? 1 : 2);
  const order = drawn
    .map((contender, at) => ({ contender, at }))
    .sort((a, b) => rank(a.contender) - rank(b.contender) || a.contender.sampleUs.value - b.contender.sampleUs.value);
  const placed = placeLabels(
    order.map(({ contender }) => ({
      x: x.share(contender.sampleUs.value) * narrowPx,
      y: y.share(contender.costs.value) * heightPx,
      radius: radiusOf(contender, drawn),
      text: labelOf(contender),
    })),
    narrowPx,
    heightPx,
    budgetBoxes(y.share(limit) * heightPx),
  );
  const places: (Place | undefined)[] = [];
  for (const [index, { at }] of order.entries()) places[at] = placed[index];
  return places;
}

function labelOf({ number, name, beyond }: Drawn): string {
  return `${number} ${name}${beyond === null ? '' : ` ↓${numberText(beyond)}`}`;
}

/** The line of what is allowed, and its name under its right end. */
function budgetBoxes(top: number): Box[] {
  return [
    { left: 0, right: narrowPx, top: top - 1, bottom: top + 1 },
    { left: narrowPx - 100, right: narrowPx, top, bottom: top + 18 },
  ];
}

function radiusOf({ alone }: Drawn, drawn: readonly Drawn[]): number {
  const largest = Math.max(...drawn.map((other) => other.alone?.peakBytes ?? 0));
  return Math.max(4, largestRadiusPx * Math.sqrt((alone?.peakBytes ?? 0) / (largest || 1)));
}

function circle(contender: Drawn, place: Place | undefined, x: Scale, y: Scale, drawn: readonly Drawn[]): Html {
  const { sampleUs, costs, name, alone, beyond } = contender;
  const radius = radiusOf(contender, drawn);
  const kind = contender.fate === 'chosen' ? 'chosen' : contender.isBaseline ? 'float32' : contender.fate;
  const [left, top] = [percent(x.share(sampleUs.value)), percent(y.share(costs.value))];
  const [fast, slow] = [x.share(sampleUs.low), x.share(sampleUs.high)];
  const [good, bad] = [y.share(costs.value), y.share(costs.bound)];
  const title = `${name}: ${timeText(sampleUs.value)}, costs ${numberText(beyond ?? costs.value)}${beyond === null ? ` (at most ${numberText(costs.bound)})` : ''}${alone ? `, ${sizeText(alone.peakBytes)} of memory` : ''}`;
  return html`<i class="whisker" style="left:${left};top:${percent(good)};height:${percent(Math.max(0, bad - good))}"></i><i class="whisker flat" style="left:${percent(fast)};width:${percent(slow - fast)};top:${top}"></i>
<b class="circle ${kind}" title="${title}" style="left:${left};top:${top};width:${(radius * 2).toFixed(1)}px;height:${(radius * 2).toFixed(1)}px"></b>${place ? html`<span class="point-name small ${kind}" style="left:${left};top:${top};margin:${place.dy.toFixed(1)}px 0 0 ${place.dx.toFixed(1)}px">${labelOf(contender)}</span>` : null}`;
}

function memoryLegend(drawn: readonly Drawn[]): Html | null {
  const sizes = drawn.flatMap(({ alone }) => alone?.peakBytes ?? []);
  if (sizes.length === 0) return null;
  return html`<span>area: peak memory, ${sizeText(Math.min(...sizes))} to ${sizeText(Math.max(...sizes))}</span>`;
}
