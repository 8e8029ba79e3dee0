/** One activation's histogram with the range that its integers can represent: where the range cuts, and what it wastes. */

import { type Html, html, raw } from '../../base/page/html.ts';
import { numberText } from '../../base/page/words.ts';
import type { LayerError } from '../inspect/compare-models.ts';

const [width, height] = [240, 84];

/** One plot for each tensor that has a range of its own: what only moves values shows the same as its input. */
export function rangePlots(layers: readonly LayerError[]): readonly Html[] {
  const distinct = new Map<string, LayerError>();
  for (const layer of layers) {
    const shown = JSON.stringify([layer.range, layer.histogram]);
    if (!distinct.has(shown)) distinct.set(shown, layer);
  }
  return [...distinct.values()].flatMap((layer) => rangePlot(layer) ?? []);
}

/** Null for a tensor without a range or without values. */
function rangePlot({ tensor, opType, range, histogram }: LayerError): Html | null {
  if (!range || !histogram || histogram.counts.length === 0) return null;
  const from = Math.min(range.min, histogram.min);
  const to = Math.max(range.max, histogram.max);
  const x = (value: number) => (((value - from) / (to - from || 1)) * width).toFixed(1);
  const [low, high] = [x(range.min), x(range.max)];
  const label = `${tensor}: values from ${numberText(histogram.min)} to ${numberText(histogram.max)}, range ${numberText(range.min)} to ${numberText(range.max)}`;
  return html`<div class="range"><h3><span class="muted">${opType}</span> <span class="name">${tensor}</span></h3>
<svg viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" role="img" aria-label="${label}">
<rect class="band" x="${low}" y="0" width="${(Number(high) - Number(low)).toFixed(1)}" height="${height}"/>
<path class="values" d="${raw(outline(histogram, x))}"/>
<line class="edge" x1="${low}" x2="${low}" y1="0" y2="${height}"/><line class="edge" x1="${high}" x2="${high}" y1="0" y2="${height}"/>
</svg><div class="scale"><span>${numberText(range.min)}</span><span>${numberText(range.max)}</span></div></div>`;
}

/** Columns of the plot: as fine as a phone can show, and little markup. */
const columns = 96;

/** Steps over the columns; heights logarithmic, or zeros after Relu would hide everything else. */
function outline(
  { counts, limit, min, max }: NonNullable<LayerError['histogram']>,
  x: (value: number) => string,
): string {
  const column = (max - min) / columns || limit;
  const heights = new Float64Array(columns);
  for (const [i, count] of counts.entries()) {
    const centre = ((i + 0.5) * 2 * limit) / counts.length - limit;
    heights[Math.min(columns - 1, Math.max(0, Math.floor((centre - min) / column)))]! += count;
  }
  const highest = Math.log1p(Math.max(...heights));
  const steps = Array.from(heights, (count, i) => {
    const y = (height - (Math.log1p(count) / highest) * (height - 6)).toFixed(1);
    return `L${x(min + i * column)} ${y}L${x(min + (i + 1) * column)} ${y}`;
  });
  return `M${x(min)} ${height}${steps.join('')}L${x(max)} ${height}Z`;
}
