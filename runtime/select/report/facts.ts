/** What was asked, of what, on which device, with which software: everything that figures depend on, in words. */
import { basename } from 'node:path';
import { type Html, html } from '../../base/page/html.ts';
import { type Fact, factList } from '../../base/page/page.ts';
import { sizeText, timeText } from '../../base/page/words.ts';
import type { Evidence } from '../evidence.ts';
import type { TrialEvidence } from '../trial-evidence.ts';

export function factLists(evidence: Evidence): Html {
  return html`<div class="columns"><div><h3>Asked for</h3>${factList(demandFacts(evidence))}</div><div><h3>Measured on</h3>${factList(deviceFacts(evidence))}</div></div>`;
}

function demandFacts({ demands, model, data, durationMs, search }: Evidence): Fact[] {
  const { objective, latencyP95Us, memoryBytes, memoryIncrementBytes, maxDrop, maxDisagreement, usual } = demands;
  const limits = [
    ...(latencyP95Us === null ? [] : [`p95 within ${timeText(latencyP95Us)}`]),
    ...(memoryBytes === null ? [] : [`${sizeText(memoryBytes)} of memory`]),
    ...(memoryIncrementBytes === null ? [] : [`${sizeText(memoryIncrementBytes)} over an empty process`]),
  ];
  return [
    ['best', objective],
    ['limits', limits.join(', ') || 'accuracy alone'],
    [
      'accuracy',
      `at most ${points(maxDrop)} points lost (labelled), ${points(maxDisagreement)} % of decisions changed (not labelled)`,
    ],
    ['model', `${basename(model.path)}, sha256 ${model.sha256.slice(0, 16)}…`],
    ['data', `${data.heldOutWindows.toLocaleString('en-US')} held-out windows of ${sourcesText(data.paths)}`],
    [
      'run as',
      `${usual.threads} ${usual.threads === 1 ? 'thread' : 'threads'}${usual.batch === 1 ? '' : `, batches of ${usual.batch}`}`,
    ],
    ['took', `${(durationMs / 1000).toFixed(1)} s`],
    ...(search.note === '' ? [] : [['search', search.note] as const]),
  ];
}

function deviceFacts({ environment, trials, createdMs, doubts }: Evidence): Fact[] {
  const { octet, node, onnxRuntime, board, soc, kernel, arch, cores, cpuFeatures } = environment;
  return [
    ['device', `${board}, ${soc}`],
    [
      'processor',
      `${cores} ${cores === 1 ? 'core' : 'cores'}, ${arch}: ${cpuFeatures.join(' ') || 'no features that matter to int8'}`,
    ],
    ['system', `Linux ${kernel}`],
    ['software', `octet ${octet}, ONNX Runtime ${onnxRuntime}, Node.js ${node}`],
    ['governor', governorOf(trials)],
    [
      'when',
      new Date(createdMs)
        .toISOString()
        .replace('T', ' ')
        .replace(/\.\d+Z$/, ' UTC'),
    ],
    ['doubts', doubts.join('; ') || 'none: not throttled, and not warmed up much'],
  ];
}

/** Few are named; many recordings would fill the page. */
function sourcesText(paths: readonly string[]): string {
  const names = paths.map((path) => basename(path));
  return names.length <= 3 ? names.join(', ') : `${names.length} files or recordings, ${names[0]} to ${names.at(-1)}`;
}

function governorOf(trials: readonly TrialEvidence[]): string {
  return trials.find(({ alone }) => alone)?.alone?.before.governor ?? 'not told by this device';
}

function points(share: number): string {
  return (share * 100).toFixed(2);
}
