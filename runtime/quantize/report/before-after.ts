/** Size and latency before and after, as bars on a common scale. */

import { type Html, html } from '../../base/page/html.ts';
import { sizeText, timeText } from '../../base/page/words.ts';
import type { PairReport } from '../inspect/inspect-pair.ts';
import type { PairLatency } from './latency.ts';

export function beforeAfter({ floatBytes, quantizedBytes }: PairReport, latency: PairLatency): Html {
  return html`<div class="columns"><div><h3>Size of the file</h3>${versus(floatBytes, quantizedBytes, sizeText)}</div>
<div><h3>Time of one inference, median</h3>${latency.ok ? versus(latency.float.p50Us, latency.quantized.p50Us, timeText) : html`<p>Not measured: ${latency.reason}</p>`}</div></div>
${latency.ok ? timesTable(latency) : null}`;
}

function versus(before: number, after: number, text: (value: number) => string): Html {
  const most = Math.max(before, after, Number.MIN_VALUE);
  const row = (label: string, kind: string, value: number) =>
    html`<div class="row ${kind}"><span class="muted">${label}</span><span class="track"><i style="width:${((value / most) * 100).toFixed(1)}%"></i></span><span>${text(value)}</span></div>`;
  return html`<div class="versus">${row('before', 'before', before)}${row('after', 'after', after)}</div>`;
}

function timesTable({ float, quantized, speedup }: Extract<PairLatency, { ok: true }>): Html {
  const row = (label: string, { p50Us, p90Us, p99Us }: typeof float) =>
    html`<tr><td>${label}</td><td class="number">${timeText(p50Us)}</td><td class="number">${timeText(p90Us)}</td><td class="number">${timeText(p99Us)}</td></tr>`;
  const bounds = Number.isFinite(speedup.high)
    ? ` (95 % between ${speedup.low.toFixed(2)} and ${speedup.high.toFixed(2)})`
    : '';
  return html`<table><thead><tr><th></th><th class="number">p50</th><th class="number">p90</th><th class="number">p99</th></tr></thead><tbody>
${row('before', float)}${row('after', quantized)}</tbody></table>
<p class="small muted">${speedup.value.toFixed(2)} times as fast${bounds}. One thread, both models in one process, in alternating blocks.</p>`;
}
