/** Every contender with its figures, its fate and the reason; a table on a desk, a card each on a phone. */
import { type Html, html } from '../../base/page/html.ts';
import { sizeText, timeText } from '../../base/page/words.ts';
import type { Evidence } from '../evidence.ts';
import { type Contender, fateWords, latencyOf } from './contenders.ts';

type Column = { readonly title: string; readonly cell: (contender: Contender, evidence: Evidence) => string };

const columns: readonly Column[] = [
  { title: 'speed-up', cell: speedupText },
  { title: 'p50', cell: time('p50Us') },
  { title: 'p95', cell: time('p95Us') },
  { title: 'p99', cell: time('p99Us') },
  { title: 'memory', cell: ({ alone }) => (alone ? sizeText(alone.peakBytes) : '–') },
  { title: '+ model', cell: ({ alone }, { floorBytes }) => (alone ? increment(alone.peakBytes - floorBytes) : '–') },
  { title: 'file', cell: ({ sizeBytes }) => sizeText(sizeBytes) },
  { title: 'right', cell: ({ accuracy }) => share(accuracy?.accuracy) },
  { title: 'as float32', cell: ({ accuracy, isBaseline }) => (isBaseline ? '–' : share(accuracy?.agreement)) },
];

const energyColumn: Column = {
  title: 'energy',
  cell: ({ alone }) => (alone?.energy ? `${(alone.energy.joulesPerSample.value * 1000).toPrecision(3)} mJ` : '–'),
};

export function contenderTable(contenders: readonly Contender[], evidence: Evidence): Html {
  const isMetered = contenders.some(({ alone }) => alone?.energy);
  const shown = isMetered ? [...columns, energyColumn] : columns;
  return html`<table class="contenders"><thead><tr><th>contender</th>${shown.map(({ title }) => html`<th class="number">${title}</th>`)}</tr></thead>
${contenders.map((contender) => contenderRows(contender, shown, evidence))}</table>`;
}

function contenderRows(contender: Contender, shown: readonly Column[], evidence: Evidence): Html {
  const { number, name, fate, reason } = contender;
  return html`<tbody class="${fate}"><tr><td class="what"><span class="muted">${number}</span> <b>${name}</b> <span class="tag ${fate}">${fateWords[fate]}</span></td>
${shown.map(({ title, cell }) => html`<td class="number" data-title="${title}">${cell(contender, evidence)}</td>`)}</tr>
<tr class="reason"><td colspan="${shown.length + 1}" class="muted">${reason}</td></tr></tbody>`;
}

function time(quantile: 'p50Us' | 'p95Us' | 'p99Us'): Column['cell'] {
  return (contender, evidence) => {
    const latency = latencyOf(contender, evidence);
    return latency ? timeText(latency[quantile]) : '–';
  };
}

function speedupText({ paired, isBaseline }: Contender): string {
  if (isBaseline) return '1';
  if (paired === null) return '–';
  const { value, low, high } = paired.speedup;
  return Number.isFinite(high) ? `${value.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})` : value.toFixed(2);
}

/** Peaks of one model differ by a MiB or two from run to run: more digits would pretend. */
function increment(bytes: number): string {
  return `${(Math.max(0, bytes) / 2 ** 20).toFixed(1)} MiB`;
}

function share(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : `${(value * 100).toFixed(2)} %`;
}
