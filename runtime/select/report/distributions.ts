/** How the times of each contender are spread: most calls, all but the slowest, and the tail that a user waits for. */
import { percent } from '../../base/page/curve.ts';
import { type Html, html } from '../../base/page/html.ts';
import { type Scale, scaleOver } from '../../base/page/scale.ts';
import { numberText, timeText, timeUnit } from '../../base/page/words.ts';
import type { Evidence } from '../evidence.ts';
import { type Contender, type Latency, latencyOf } from './contenders.ts';

type Row = { readonly contender: Contender; readonly latency: Latency };

/** Null when nothing was timed. */
export function distributions(contenders: readonly Contender[], evidence: Evidence): Html | null {
  const rows = contenders.flatMap((contender): Row[] => {
    const latency = latencyOf(contender, evidence);
    return latency ? [{ contender, latency }] : [];
  });
  if (rows.length === 0) return null;
  const x = scaleOver(rows.flatMap(({ latency }) => [at(latency, 1), latency.p99Us]));
  const { unit, us } = timeUnit(x.to);
  return html`<p class="legend"><span><i class="spread"></i>1 to 99 % of calls</span><span><i class="half"></i>middle half</span><span><i class="median"></i>median</span></p>
<ol class="spreads">${rows.map((row) => spreadRow(row, x))}</ol>
<div class="spread-axis"><div class="field">${x.ticks.map((tick) => html`<span style="left:${percent(x.share(tick))}">${numberText(tick / us)}</span>`)}</div><p class="muted small">${unit} for one call${x.to / x.from > 3 ? ', logarithmic' : ''}</p></div>`;
}

function at({ quantilesUs }: Latency, cent: number): number {
  return quantilesUs[cent]!;
}

function spreadRow({ contender, latency }: Row, x: Scale): Html {
  const { number, name, fate, isBaseline } = contender;
  const bar = (kind: string, from: number, to: number) =>
    html`<i class="${kind}" style="left:${percent(x.share(from))};width:${percent(x.share(to) - x.share(from))}"></i>`;
  const kind = fate === 'chosen' ? 'chosen' : isBaseline ? 'float32' : fate;
  return html`<li class="spread-row ${kind}"><span class="what"><span class="muted">${number}</span> ${name}</span>
<span class="field" role="img" aria-label="median ${timeText(latency.p50Us)}, 99 % within ${timeText(latency.p99Us)}">${x.ticks.map((tick) => html`<i class="upright" style="left:${percent(x.share(tick))}"></i>`)}${bar('spread', at(latency, 1), latency.p99Us)}${bar('half', at(latency, 25), at(latency, 75))}<i class="median" style="left:${percent(x.share(latency.p50Us))}"></i></span>
<span class="muted small">${timeText(latency.p50Us)}, 99 % within ${timeText(latency.p99Us)}</span></li>`;
}
