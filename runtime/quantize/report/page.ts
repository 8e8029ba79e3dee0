/** How a quantised model compares with the float model it was made from, as a page. */
import { basename } from 'node:path';
import { type Html, html } from '../../base/page/html.ts';
import { finding, renderPage as renderCommonPage, section, tile, tiles } from '../../base/page/page.ts';
import { dbText, percentText, sizeText, timeText } from '../../base/page/words.ts';
import { beforeAfter } from './before-after.ts';
import type { FullReport } from './full-report.ts';
import { layerList } from './layer-list.ts';
import { outcomeTable } from './outcome-table.ts';
import { rangePlots } from './range-plot.ts';
import { style } from './style.ts';

/** @returns a complete HTML document. */
export function renderPage(report: FullReport): string {
  const { finding: found, layers, outcomes, integerShare, latency, floatPath, quantizedPath, description } = report;
  const plots = rangePlots(layers);
  const name = basename(quantizedPath);
  return renderCommonPage({
    title: name,
    eyebrow: 'Octet quantisation report',
    heading: name,
    lead: html`made from <span class="name">${basename(floatPath)}</span>, compared on ${description}`,
    style,
    body: [
      figures(report),
      finding(found.sentence, found.layer !== null),
      section(
        'layers',
        'Error, layer by layer',
        'Signal over noise of each tensor against the float model, in order of execution. Longer is better; 8 bits reach about 40 to 50 dB. A bar well short of its tick is a layer that loses something itself.',
        layerList(layers, found),
      ),
      plots.length === 0 ? null : rangesSection(plots),
      section(
        'kernels',
        'What runs in int8',
        'Read off the graph that ONNX Runtime really executes, after all its fusions.',
        outcomeTable(outcomes, integerShare),
      ),
      section(
        'cost',
        'Before and after',
        'Measured on the machine that wrote this report.',
        beforeAfter(report, latency),
      ),
      section(
        'recipe',
        'Recipe',
        'The same recipe on the same data gives the same bytes on the same architecture.',
        recipeText(report),
      ),
    ],
    footer: report.machine,
  });
}

function rangesSection(plots: readonly Html[]): Html {
  return section(
    'ranges',
    'Activations and their ranges',
    'How the float values are distributed (counts on a logarithmic scale), and the range that the integers can represent. Values outside the band are cut off; a band much wider than its values wastes resolution.',
    html`<p class="legend"><span><i class="values"></i>values</span><span><i class="range"></i>range chosen</span></p><div class="ranges">${plots}</div>`,
  );
}

function figures({ floatBytes, quantizedBytes, latency, outputs, integerShare }: FullReport): Html {
  const worst = outputs.toSorted((a, b) => a.sqnrDb - b.sqnrDb)[0];
  return tiles([
    tile(
      'size',
      timesText(floatBytes / quantizedBytes, 'smaller', 'larger'),
      `${sizeText(floatBytes)} → ${sizeText(quantizedBytes)}`,
    ),
    latency.ok
      ? tile(
          'latency',
          timesText(latency.speedup.value, 'faster', 'slower'),
          `${timeText(latency.float.p50Us)} → ${timeText(latency.quantized.p50Us)}`,
        )
      : tile('latency', '–', 'not measured'),
    tile(
      'output against float',
      worst ? dbText(worst.sqnrDb) : '–',
      worst ? `cosine ${worst.cosine.toFixed(5)}` : 'no float output',
    ),
    tile('in integers', integerShare === null ? '–' : percentText(integerShare), 'of the multiply-adds'),
  ]);
}

/** `3.12×`, and smaller by what. */
function timesText(ratio: number, more: string, less: string): Html {
  const [factor, word] = ratio >= 1 ? [ratio, more] : [1 / ratio, less];
  return html`${factor.toFixed(2)}× <small>${word}</small>`;
}

function recipeText({ recipe, quantizedPath }: FullReport): Html {
  if (recipe === null)
    return html`<p>No <span class="name">.recipe.json</span> lies beside ${basename(quantizedPath)}: it was made by another tool, or its recipe was left behind.</p>`;
  return html`<pre>${JSON.stringify(recipe, null, 2)}</pre>`;
}
