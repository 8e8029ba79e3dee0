/** A record of a selection in plain words: what was asked, what was found and how, why not the others, and how sure that is. Pure. */
import { settingsText } from '../measure/session-settings.ts';
import type { Evidence } from './evidence.ts';
import { accuracyText, bytesText, timeText } from './figures.ts';
import { type Fate, fates, type TrialEvidence } from './trial-evidence.ts';

export type Section = { readonly title: string; readonly lines: readonly string[] };

/** @param path of the record, for the commands that are named. */
export function explainEvidence(evidence: Evidence, path: string): Section[] {
  const sections = [
    { title: 'The answer', lines: answerLines(evidence) },
    { title: 'The question', lines: questionLines(evidence) },
    { title: 'How it was found', lines: searchLines(evidence) },
    { title: 'How it was judged', lines: judgementLines(evidence) },
    ...fateSections(evidence),
    { title: 'Not tried', lines: evidence.excluded.map(({ variant, reason }) => `${variant}: ${reason}`) },
    { title: 'Conditions', lines: conditionLines(evidence) },
    { title: 'Check it', lines: checkLines(evidence, path) },
  ];
  return sections.filter(({ lines }) => lines.length > 0);
}

function answerLines({ verdict, outcome, chosen, chosenSha256, trials, demands, search }: Evidence): string[] {
  const trial = trials.find(({ name }) => name === chosen);
  const settings = trial ? settingsText(trial.settings, demands.usual) : '';
  return [
    verdict,
    ...(outcome === 'closest'
      ? ['Nothing met every constraint: this is the least miss, and not to be run unasked.']
      : []),
    ...(search.note === '' ? [] : [search.note]),
    `File ${chosenSha256}${settings === '' ? '' : `, run with ${settings}`}`,
  ];
}

const wishes = {
  latency: 'the least time for a sample',
  throughput: 'the most samples a second',
  memory: 'the least memory',
  energy: 'the least energy for a sample',
} as const satisfies Record<Evidence['demands']['objective'], string>;

function questionLines({ model, data, demands, environment, createdMs }: Evidence): string[] {
  const { objective, latencyP95Us, memoryBytes, memoryIncrementBytes, maxDrop, maxDisagreement } = demands;
  const limits = [
    latencyP95Us === null ? '' : `95 of 100 calls within ${timeText(latencyP95Us)}`,
    memoryBytes === null ? '' : `a process of at most ${bytesText(memoryBytes)}`,
    memoryIncrementBytes === null ? '' : `at most ${bytesText(memoryIncrementBytes)} above an empty process`,
    `at most ${share(maxDrop)} of decisions lost on balance (or ${share(maxDisagreement)} changed, without labels)`,
  ].filter((limit) => limit !== '');
  const { board, soc, cores, octet, onnxRuntime } = environment;
  return [
    `Wanted was ${wishes[objective]}, never slower than float32, with ${limits.join(', ')}.`,
    `Model ${model.path} (${model.sha256.slice(0, 12)}), data ${data.paths.join(', ')} (${data.sha256.slice(0, 12)}).`,
    `Asked on ${new Date(createdMs).toISOString().slice(0, 16).replace('T', ' ')} UTC, on ${board} (${soc}, ${cores} cores), Octet ${octet}, ONNX Runtime ${onnxRuntime}.`,
  ];
}

function searchLines({ trials, search, spentMs, durationMs }: Evidence): string[] {
  const variants = new Set(trials.map(({ sha256 }) => sha256)).size;
  const rounds = search.rounds.map(
    ({ contenders, budgetMs }) => `${contenders.length} for ${(budgetMs / 1000).toFixed(1)} s each`,
  );
  const spent = [
    `building ${seconds(spentMs.building)}`,
    ...(spentMs.searching > 0 ? [`searching for the fastest form ${seconds(spentMs.searching)}`] : []),
    `measuring ${seconds(spentMs.measuring)}`,
  ];
  return [
    `${trials.length} contenders: ${variants} files under one or more session settings.`,
    ...(rounds.length === 0 ? [] : [`Compared with float32 in rounds: ${rounds.join(', then ')}.`]),
    `It took ${seconds(durationMs)}: ${spent.join(', ')}.`,
  ];
}

function judgementLines({ data, trials, floorBytes, demands }: Evidence): string[] {
  const usual = settingsText(demands.usual, { ...demands.usual, threads: 0 });
  const judged = trials.find(({ name, accuracy }) => accuracy !== null && name !== trials[0]?.name);
  return [
    `Speed: blocks of calls in turn with float32 (${usual}) in one process; the ratio of the blocks' medians, with its 95 % interval.`,
    `Memory: the peak of a fresh process; one with a model of a single node needs ${bytesText(floorBytes)}.`,
    `Accuracy: on ${data.heldOut || `${data.heldOutWindows} held-out windows`}, which calibrated nothing${judged?.accuracy?.metric === 'net loss' ? ', by their labels' : ''}.`,
  ];
}

/** In the order in which people ask. */
const titles = {
  chosen: 'Chosen',
  beaten: 'Good enough, and beaten',
  refused: 'Refused: they miss a constraint',
  left: 'Left the race early',
  failed: 'Failed',
  untimed: 'Not measured to the end',
} as const satisfies Record<Fate, string>;

function fateSections({ trials }: Evidence): Section[] {
  return (Object.keys(fates) as Fate[]).map((fate) => ({
    title: titles[fate],
    lines: trials.filter((trial) => trial.fate === fate).map((trial) => trialLine(trial)),
  }));
}

function trialLine({ name, reason, alone, paired, accuracy, fate }: TrialEvidence): string {
  const figures = [
    paired ? `p50 ${timeText(paired.variant.p50Us)}, p95 ${timeText(paired.variant.p95Us)}` : '',
    alone ? `${bytesText(alone.peakBytes)} of memory` : '',
    accuracy && fate === 'beaten' && paired ? accuracyText(accuracy) : '',
  ].filter((text) => text !== '');
  return `${name}: ${reason}${figures.length === 0 ? '' : ` [${figures.join('; ')}]`}`;
}

function conditionLines({ timeline, doubts, trials }: Evidence): string[] {
  const governor = trials[0]?.alone?.before.governor;
  const spans = [
    span(
      'temperature',
      timeline.flatMap(({ temperatureC }) => temperatureC ?? []),
      '°C',
    ),
    span(
      'clock',
      timeline.flatMap(({ frequencyMHz }) => frequencyMHz ?? []),
      'MHz',
    ),
    span(
      'load',
      timeline.map(({ load1 }) => load1),
      '',
    ),
    governor ? `governor ${governor}` : '',
  ].filter((text) => text !== '');
  const judged =
    doubts.length === 0 ? 'Nothing held the processor back, as far as it tells.' : `Doubtful: ${doubts.join(', ')}.`;
  return [...(spans.length === 0 ? [] : [`${spans.join(', ')}.`]), judged];
}

function span(what: string, values: readonly number[], unit: string): string {
  if (values.length === 0) return '';
  const [low, high] = [Math.min(...values), Math.max(...values)].map((value) => Number(value.toPrecision(3)));
  const range = low === high ? `${low}` : `${low} to ${high}`;
  return `${what} ${range} ${unit}`.trimEnd();
}

function checkLines({ trials, chosen }: Evidence, path: string): string[] {
  const recipe = trials.find(({ name }) => name === chosen)?.recipe;
  return [
    `octet select --repeat ${path}    runs it again and prints both results side by side`,
    ...(recipe ? [`Recipe of the answer: ${recipe.kind} (${recipe.name}), in the record and beside its file.`] : []),
  ];
}

function share(value: number): string {
  return `${(value * 100).toFixed(2)} %`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
