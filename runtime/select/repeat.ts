/** A selection run again from its evidence, and both results side by side. The comparison is pure. */
import { stat } from 'node:fs/promises';
import { OctetError } from '../base/errors.ts';
import type { Estimate } from '../measure/statistics.ts';
import type { Evidence } from './evidence.ts';
import type { SelectionRequest } from './selection.ts';
import type { TrialEvidence } from './trial-evidence.ts';

export type RepeatPlaces = Pick<SelectionRequest, 'workFolder'> &
  Partial<Pick<SelectionRequest, 'modelPath' | 'featuresPath' | 'data'>>;

/** The request that a record answers. @throws FILE_NOT_FOUND where model or data are not where they were and were not named anew. */
export async function repeatRequest(
  { model, data, demands }: Evidence,
  places: RepeatPlaces,
): Promise<SelectionRequest> {
  const {
    latencyP95Us,
    memoryBytes,
    memoryIncrementBytes,
    objective,
    timeMs,
    usual,
    searched,
    maxDrop,
    maxDisagreement,
  } = demands;
  const featuresPath = places.featuresPath ?? model.featuresPath ?? undefined;
  const request: SelectionRequest = {
    modelPath: places.modelPath ?? model.path,
    ...(featuresPath === undefined ? {} : { featuresPath }),
    ...(model.pipeline ? { pipeline: model.pipeline } : {}),
    ...(model.task ? { task: model.task } : {}),
    budget: { maxDrop, maxDisagreement },
    data: places.data ?? data.paths,
    workFolder: places.workFolder,
    threads: usual.threads,
    searchSettings: searched,
    objective,
    timeMs,
    ...(latencyP95Us === null ? {} : { latencyP95Us }),
    ...(memoryBytes === null ? {} : { memoryBytes }),
    ...(memoryIncrementBytes === null ? {} : { memoryIncrementBytes }),
  };
  await requireThere(request.modelPath, 'model', 'octet select MODEL --repeat EVIDENCE');
  for (const path of request.data) await requireThere(path, 'data', 'octet select --repeat EVIDENCE --data PATH');
  return request;
}

async function requireThere(path: string, what: string, command: string): Promise<void> {
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  if (isThere) return;
  throw new OctetError('FILE_NOT_FOUND', `${what} of the evidence: expected it at ${path}, got nothing there`, {
    hint: `Say where it lies now: ${command}`,
  });
}

type Figures = { readonly p50Us: number | null; readonly speedup: Estimate | null; readonly peakBytes: number | null };

export type RunComparison = {
  /** Every contender of either run. */
  readonly rows: readonly { readonly name: string; readonly before: Figures; readonly after: Figures }[];
  readonly before: Pick<Evidence, 'chosen' | 'verdict' | 'outcome'>;
  readonly after: Pick<Evidence, 'chosen' | 'verdict' | 'outcome'>;
  /** `same`: one answer; `tie`: two whose intervals overlap in one of the runs; `other`. */
  readonly result: 'same' | 'tie' | 'other';
  /** The same in a sentence. */
  readonly agreement: string;
  /** What is not as it was: model, data, versions, device. */
  readonly changes: readonly string[];
};

export function compareRuns(then: Evidence, now: Evidence): RunComparison {
  const names = [...new Set([...then.trials, ...now.trials].map(({ name }) => name))];
  const rows = names.map((name) => ({ name, before: figuresOf(then, name), after: figuresOf(now, name) }));
  const result = resultOf(then, now);
  return {
    rows,
    before: answerOf(then),
    after: answerOf(now),
    result,
    agreement: agreements[result](then, now),
    changes: changesIn(then, now),
  };
}

const agreements = {
  same: ({ chosen }) => `Both runs choose ${chosen}.`,
  tie: ({ chosen }, { chosen: other }) =>
    `${chosen} then, ${other} now: their intervals overlap, so either is as good.`,
  other: ({ chosen }, { chosen: other }) => `${chosen} then, ${other} now: the runs disagree.`,
} as const satisfies Record<RunComparison['result'], (then: Evidence, now: Evidence) => string>;

function answerOf({ chosen, verdict, outcome }: Evidence): RunComparison['before'] {
  return { chosen, verdict, outcome };
}

function trialOf({ trials }: Evidence, name: string): TrialEvidence | undefined {
  return trials.find((trial) => trial.name === name);
}

function figuresOf(evidence: Evidence, name: string): Figures {
  const trial = trialOf(evidence, name);
  return {
    p50Us: trial?.paired?.variant.p50Us ?? trial?.alone?.latency.p50Us ?? null,
    speedup: trial?.paired?.speedup ?? null,
    peakBytes: trial?.alone?.peakBytes ?? null,
  };
}

function resultOf(then: Evidence, now: Evidence): RunComparison['result'] {
  if (then.chosen === now.chosen) return 'same';
  const isTied = [then, now].some((evidence) => overlap(meritIn(evidence, then.chosen), meritIn(evidence, now.chosen)));
  return isTied ? 'tie' : 'other';
}

/** The interval that the objective compares. Peaks of memory repeat within two per cent. */
function meritIn(evidence: Evidence, name: string): { readonly low: number; readonly high: number } | null {
  const trial = trialOf(evidence, name);
  if (!trial) return null;
  const { objective } = evidence.demands;
  if (objective === 'energy') return trial.alone?.energy?.joulesPerSample ?? null;
  if (objective === 'memory')
    return trial.alone && { low: trial.alone.peakBytes * 0.98, high: trial.alone.peakBytes * 1.02 };
  const isUsual = trial === evidence.trials[0];
  if (isUsual) return { low: 1, high: 1 };
  return (objective === 'latency' ? trial.paired?.speedup : trial.paired?.throughputGain) ?? null;
}

function overlap(a: ReturnType<typeof meritIn>, b: ReturnType<typeof meritIn>): boolean {
  return a !== null && b !== null && a.high >= b.low && b.high >= a.low;
}

function changesIn(then: Evidence, now: Evidence): string[] {
  const rows: readonly (readonly [string, string, string])[] = [
    ['model', then.model.sha256.slice(0, 12), now.model.sha256.slice(0, 12)],
    ['data', then.data.sha256.slice(0, 12), now.data.sha256.slice(0, 12)],
    ['board', then.environment.board, now.environment.board],
    ['SoC', then.environment.soc, now.environment.soc],
    ['kernel', then.environment.kernel, now.environment.kernel],
    ['ONNX Runtime', then.environment.onnxRuntime, now.environment.onnxRuntime],
    ['Node.js', then.environment.node, now.environment.node],
    ['Octet', then.environment.octet, now.environment.octet],
    ['governor', governorOf(then), governorOf(now)],
  ];
  const rebuilt = then.trials.filter(({ name, sha256 }) => (trialOf(now, name)?.sha256 ?? sha256) !== sha256);
  return [
    ...rows
      .filter(([, before, after]) => before !== after)
      .map(([what, before, after]) => `other ${what}: ${before} then, ${after} now`),
    ...rebuilt.map(({ name }) => `${name}: the recipe gave other bytes this time`),
  ];
}

function governorOf({ trials }: Evidence): string {
  return trials[0]?.alone?.before.governor ?? 'unknown';
}
