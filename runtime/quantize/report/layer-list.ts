/** The error of each layer as a bar, in order of execution; a tick marks how good its inputs were. */

import { type Html, html } from '../../base/page/html.ts';
import { dbText, numberText, percentText } from '../../base/page/words.ts';
import type { LayerError } from '../inspect/compare-models.ts';
import type { Finding } from '../inspect/first-fault.ts';

/** The right end of the bars: 8 bits do not reach further. */
const fullDb = 50;

export function layerList(layers: readonly LayerError[], { layer }: Finding): Html {
  return html`<p class="legend"><span><i></i>rounded to integers</span><span><i class="float"></i>kept in float</span><span><i class="input"></i>how good its inputs were</span></p>
<ol class="layers">${layers.map((each) => layerRow(each, each.tensor === layer?.tensor))}</ol>`;
}

function layerRow(layer: LayerError, isFault: boolean): Html {
  const { opType, node, tensor, sqnrDb, inputSqnrDb, range } = layer;
  const kind = isFault ? 'layer fault' : range === null ? 'layer float' : 'layer';
  return html`<li class="${kind}"><span class="what">${opType} <span class="name muted">${node || tensor}</span></span>
<span class="db">${dbText(sqnrDb)}</span>
<span class="track"><i style="width:${lengthOf(sqnrDb)}%"></i><b style="left:${lengthOf(inputSqnrDb)}%"></b></span>
<span class="details muted small">${detailsOf(layer)}</span></li>`;
}

function lengthOf(db: number): string {
  return ((Math.min(fullDb, Math.max(0, db)) / fullDb) * 100).toFixed(1);
}

/** Fewer values cut off than this are not worth reading. */
const fewestCut = 1e-4;

function detailsOf({ cosine, maxError, saturation, weights }: LayerError): string {
  return [
    `cosine ${cosine.toFixed(4)}`,
    ...(maxError === null ? ['channels rescaled'] : [`max ${numberText(maxError)}`]),
    ...((saturation ?? 0) >= fewestCut ? [`${percentText(saturation!)} cut off`] : []),
    ...(weights ? [`weights ${dbText(weights.sqnrDb)}`] : []),
  ].join(' · ');
}
