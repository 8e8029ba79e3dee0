/**
 * The report as one page that needs nothing else: no script, no request, readable on a phone, in the dark and on paper, and
 * still in ten years.
 */
import { basename } from 'node:path';
import { beforeAfter } from './before-after.ts';
import type { FullReport } from './full-report.ts';
import { type Html, html, raw } from './html.ts';
import { layerList } from './layer-list.ts';
import { outcomeTable } from './outcome-table.ts';
import { rangePlots } from './range-plot.ts';
import { style } from './style.ts';
import { dbText, percentText, sizeText, timeText } from './words.ts';

/** @returns a complete HTML document. */
export function renderPage(report: FullReport): string {
  const { finding, layers, outcomes, integerShare, latency, floatPath, quantizedPath } = report;
  const plots = rangePlots(layers);
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><title>${basename(quantizedPath)} – Octet</title><style>${raw(style)}</style></head><body>
<header><p class="eyebrow">Octet quantisation report</p><h1>${basename(quantizedPath)}</h1>
<p class="muted">made from <span class="name">${basename(floatPath)}</span>, compared on ${report.description}</p></header>
${tiles(report)}
<p class="finding ${finding.layer ? 'fault' : ''}">${finding.sentence}</p>
${section('layers', 'Error, layer by layer', 'Signal over noise of each tensor against the float model, in order of execution. Longer is better; 8 bits reach about 40 to 50 dB. A bar well short of its tick is a layer that loses something itself.', layerList(layers, finding))}
${plots.length > 0 ? section('ranges', 'Activations and their ranges', 'How the float values are distributed (counts on a logarithmic scale), and the range that the integers can represent. Values outside the band are cut off; a band much wider than its values wastes resolution.', html`<p class="legend"><span><i class="values"></i>values</span><span><i class="range"></i>range chosen</span></p><div class="ranges">${plots}</div>`) : null}
${section('kernels', 'What runs in int8', 'Read off the graph that ONNX Runtime really executes, after all its fusions.', outcomeTable(outcomes, integerShare))}
${section('cost', 'Before and after', 'Measured on the machine that wrote this report.', beforeAfter(report, latency))}
${section('recipe', 'Recipe', 'The same recipe on the same data gives the same bytes on the same architecture.', recipeText(report))}
<footer>${report.machine}</footer></body></html>
`.markup;
}

function section(id: string, title: string, lead: string, body: Html): Html {
  return html`<section id="${id}"><h2>${title}</h2><p class="muted">${lead}</p>${body}</section>`;
}

function tiles({ floatBytes, quantizedBytes, latency, outputs, integerShare }: FullReport): Html {
  const worst = outputs.toSorted((a, b) => a.sqnrDb - b.sqnrDb)[0];
  return html`<dl class="tiles">
${tile('size', timesText(floatBytes / quantizedBytes, 'smaller', 'larger'), `${sizeText(floatBytes)} → ${sizeText(quantizedBytes)}`)}
${latency.ok ? tile('latency', timesText(latency.speedup.value, 'faster', 'slower'), `${timeText(latency.float.p50Us)} → ${timeText(latency.quantized.p50Us)}`) : tile('latency', '–', 'not measured')}
${tile('output against float', worst ? dbText(worst.sqnrDb) : '–', worst ? `cosine ${worst.cosine.toFixed(5)}` : 'no float output')}
${tile('in integers', integerShare === null ? '–' : percentText(integerShare), 'of the multiply-adds')}</dl>`;
}

function tile(name: string, figure: Html | string, detail: string): Html {
  return html`<div class="tile"><dt>${name}</dt><dd class="figure">${figure}</dd><dd class="muted small">${detail}</dd></div>`;
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
