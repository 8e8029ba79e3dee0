/** A selection as a page: the answer first, then the picture, the figures, and all that it takes to doubt or repeat it. */
import { type Html, html } from '../../base/page/html.ts';
import { finding, renderPage, section, tile, tiles } from '../../base/page/page.ts';
import { sizeText, timeText } from '../../base/page/words.ts';
import type { Evidence } from '../evidence.ts';
import { conditionsPlot } from './conditions-plot.ts';
import { contenderTable } from './contender-table.ts';
import { type Contender, contendersOf, latencyOf } from './contenders.ts';
import { distributions } from './distributions.ts';
import { factLists } from './facts.ts';
import { style } from './style.ts';
import { tradeOff } from './trade-off.ts';

/**
 * @param again the command that repeats the selection from its record.
 * @returns a complete HTML document.
 */
export function selectionPage(evidence: Evidence, again: string): string {
  const contenders = contendersOf(evidence);
  const chosen = contenders.find(({ name }) => name === evidence.chosen)!;
  const isMet = evidence.outcome === 'met';
  return renderPage({
    title: `${evidence.chosen}: selection`,
    eyebrow: 'Octet selection report',
    heading: isMet ? evidence.chosen : `Nothing fits; ${evidence.chosen} comes closest`,
    lead: html`chosen among ${contenders.length} ${contenders.length === 1 ? 'contender' : 'contenders'} by measurement on ${evidence.environment.board}`,
    style,
    body: [
      figures(chosen, evidence),
      finding(evidence.verdict, !isMet || evidence.doubts.length > 0),
      section(
        'trade-off',
        'Time against accuracy',
        'Each contender where its measurements put it. A line down from a circle ends at the 95 % bound, which is what the budget is compared with.',
        tradeOff(contenders) ??
          html`<p>Fewer than two contenders have both a time and an accuracy; the table says why.</p>`,
      ),
      section(
        'contenders',
        'All contenders',
        'Speed-up: float32’s time over its own, measured in alternating blocks in one process, with its 95 % interval. Memory: the peak of a process that does nothing else, and what the model adds to an empty one.',
        contenderTable(contenders, evidence),
      ),
      section(
        'latency',
        'How the times spread',
        'All calls of the longest comparison of each.',
        distributions(contenders, evidence) ?? html`<p>Nothing was timed.</p>`,
      ),
      section('conditions', 'While it measured', 'Read about once a second.', conditionsPlot(evidence)),
      notTried(evidence),
      section('facts', 'What the figures depend on', 'A figure without these is a rumour.', factLists(evidence)),
      section(
        'again',
        'Measure it again',
        'Repeats the selection from its record and prints both results side by side.',
        html`<pre>${again}</pre>`,
      ),
    ],
    footer: `octet ${evidence.environment.octet}; everything on this page is in the evidence record`,
  });
}

function figures(chosen: Contender, evidence: Evidence): Html {
  const { alone, accuracy, paired, isBaseline } = chosen;
  const latency = latencyOf(chosen, evidence);
  const before = contendersOf(evidence)[0]!;
  const speedup = paired?.speedup;
  return tiles([
    tile(
      'time of one call',
      latency ? timeText(latency.p50Us) : '–',
      latency ? `median; 95 % within ${timeText(latency.p95Us)}` : 'not measured',
    ),
    tile(
      'against float32',
      isBaseline ? '1×' : speedup ? html`${speedup.value.toFixed(2)}× <small>as fast</small>` : '–',
      speedup && Number.isFinite(speedup.high)
        ? `${speedup.low.toFixed(2)} to ${speedup.high.toFixed(2)}`
        : isBaseline
          ? 'it is float32'
          : 'not compared',
    ),
    tile(
      'memory of the process',
      alone ? sizeText(alone.peakBytes) : '–',
      alone && before.alone && !isBaseline ? `float32 ${sizeText(before.alone.peakBytes)}` : 'at its peak',
    ),
    accuracyTile(accuracy, isBaseline),
  ]);
}

function accuracyTile(accuracy: Contender['accuracy'], isBaseline: boolean): Html {
  const percent = (share: number) => `${(share * 100).toFixed(2)} %`;
  if (accuracy === null) return tile('accuracy', '–', 'not measured');
  if (accuracy.accuracy !== null)
    return tile(
      'right',
      percent(accuracy.accuracy),
      isBaseline || accuracy.baselineAccuracy === null
        ? 'of labelled windows'
        : `float32 ${percent(accuracy.baselineAccuracy)}`,
    );
  if (accuracy.agreement !== null)
    return tile('decides as float32', percent(accuracy.agreement), 'of windows; there are no labels');
  return tile('error against float32', percent(accuracy.value), 'of the spread of its outputs');
}

function notTried({ excluded }: Evidence): Html | null {
  if (excluded.length === 0) return null;
  return section(
    'not-tried',
    'Not tried',
    'What the model and the processor rule out before anything is measured, or what could not be built.',
    html`<dl class="facts">${excluded.map(({ variant, reason }) => html`<dt class="name">${variant}</dt><dd>${reason}</dd>`)}</dl>`,
  );
}
