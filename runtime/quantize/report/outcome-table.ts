/** What runs as which integer kernel, and what stayed float and why. */

import { type Html, html } from '../../base/page/html.ts';
import { percentText } from '../../base/page/words.ts';
import type { NodeOutcome } from '../messages.ts';

export function outcomeTable(outcomes: readonly NodeOutcome[], integerShare: number | null): Html {
  const kernels = Map.groupBy(
    outcomes.filter(({ kernel }) => kernel !== undefined),
    ({ kernel }) => kernel!,
  );
  const reasons = Map.groupBy(
    outcomes.filter(({ kernel }) => kernel === undefined),
    ({ reason }) => reason ?? '',
  );
  return html`${shareBar(integerShare)}<table><thead><tr><th>runs as</th><th>nodes</th></tr></thead><tbody>
${Array.from(kernels, ([kernel, nodes]) => html`<tr><td><span class="tag int8">int8</span> ${kernel}</td><td>${namesOf(nodes)}</td></tr>`)}
${Array.from(reasons, ([reason, nodes]) => html`<tr><td><span class="tag stays">float</span> ${reason}</td><td>${namesOf(nodes)}</td></tr>`)}
</tbody></table>`;
}

function shareBar(share: number | null): Html | null {
  if (share === null) return null;
  return html`<p class="small muted">${percentText(share)} of the multiply-adds run in integers.</p>
<div class="split" role="img" aria-label="${percentText(share)} of the multiply-adds in integers"><i style="width:${(share * 100).toFixed(2)}%"></i></div>`;
}

const mostNames = 6;

/** `9 Conv, 7 Relu`, and the names where they are few. */
function namesOf(nodes: readonly NodeOutcome[]): Html {
  const tally = [...Map.groupBy(nodes, ({ opType }) => opType)]
    .map(([opType, { length }]) => `${length} ${opType}`)
    .join(', ');
  const names = nodes.length <= mostNames ? nodes.map(({ node }) => node).join(', ') : '';
  return html`${tally}<br><span class="name muted">${names}</span>`;
}
