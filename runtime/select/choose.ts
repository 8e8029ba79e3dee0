/**
 * The choice among trials. Pure, so that a recorded set of figures always gives the same answer and each answer can be
 * explained: hard constraints first, then the objective; what cannot be told apart goes to the simpler variant.
 */
import type { AccuracyJudgement } from '../measure/accuracy.ts';
import type { Estimate } from '../measure/statistics.ts';
import { accuracyText, bytesText, estimateText } from './figures.ts';
import type { Objective } from './selection.ts';

/** What the choice needs to know of one variant. The first of a list is float32, the others follow from simple to involved. */
export type Contender = {
  readonly name: string;
  readonly peakMemoryBytes: number;
  /** float32's time over this variant's: above 1 is faster. 1 exactly for float32; null when it was not measured. */
  readonly speedup: Estimate | null;
  /** The same from means, which is what throughput consists of. */
  readonly throughputGain: Estimate | null;
  /** Null for float32, which is what accuracy is measured against, and where it was not measured. */
  readonly accuracy: AccuracyJudgement | null;
  /** Why there are no figures: it crashed, hung, could not be built. */
  readonly failure: string | null;
};

export type Constraints = {
  readonly objective: Objective;
  /** The most memory the variant's process may need. */
  readonly memoryBytes?: number;
};

export type Choice = {
  /** `closest`: nothing met the constraints; `chosen` missed them by the least. */
  readonly outcome: 'met' | 'closest';
  readonly chosen: string;
  /** Name → why it was chosen, or why it lost. */
  readonly reasons: Readonly<Record<string, string>>;
  /** One sentence. */
  readonly verdict: string;
};

/** @param contenders float32 first. */
export function choose(contenders: readonly Contender[], constraints: Constraints): Choice {
  const faults = new Map(contenders.map((contender) => [contender, faultsOf(contender, constraints)]));
  const fitting = contenders.filter((contender) => faults.get(contender)!.length === 0);
  const [first, ...others] = fitting;
  const chosen = first ? winner([first, ...others], constraints) : leastFaulty(contenders, faults);
  const reasonOf = (contender: Contender): string => {
    const fault = faults
      .get(contender)!
      .map(({ text }) => text)
      .join('; ');
    if (contender === chosen) return fault === '' ? praise(contender, constraints) : `closest: ${fault}`;
    return fault === '' ? compare(contender, chosen, constraints) : fault;
  };
  const reasons = Object.fromEntries(contenders.map((contender) => [contender.name, reasonOf(contender)]));
  const outcome = first ? 'met' : 'closest';
  const undecided = contenders.filter(({ accuracy }) => accuracy?.verdict === 'insufficient');
  return { outcome, chosen: chosen.name, reasons, verdict: verdictOf(outcome, chosen, reasons, contenders, undecided) };
}

/** How far a contender is from what is demanded; `excess` is relative, 0.1 is a tenth too much. */
type Fault = { readonly excess: number; readonly text: string };
type Check = (contender: Contender, constraints: Constraints) => Fault | undefined;

/** Hard constraints. Float32 is held to memory alone: it is what the others are measured against. */
const checks: readonly Check[] = [
  ({ failure }) => (failure === null ? undefined : { excess: Number.POSITIVE_INFINITY, text: `failed: ${failure}` }),
  ({ accuracy }) => {
    if (accuracy === null || accuracy.verdict === 'within') return undefined;
    const excess = accuracy.bound / Math.max(accuracy.limit, 1e-6) - 1;
    return { excess: Number.isNaN(excess) ? Number.POSITIVE_INFINITY : excess, text: accuracyText(accuracy) };
  },
  ({ peakMemoryBytes, failure }, { memoryBytes = Number.POSITIVE_INFINITY }) =>
    failure !== null || peakMemoryBytes <= memoryBytes
      ? undefined
      : {
          excess: peakMemoryBytes / memoryBytes - 1,
          text: `needs ${bytesText(peakMemoryBytes)} of memory, ${bytesText(memoryBytes)} are allowed`,
        },
  ({ speedup, failure }) => {
    if (failure !== null || (speedup !== null && speedup.low >= 1)) return undefined;
    if (speedup === null) return { excess: Number.POSITIVE_INFINITY, text: 'was not compared with float32' };
    const word = speedup.high < 1 ? 'slower than float32' : 'not surely faster than float32';
    return { excess: 1 / speedup.low - 1, text: `${word}: ${estimateText(speedup)}` };
  },
];

function faultsOf(contender: Contender, constraints: Constraints): Fault[] {
  return checks.flatMap((check) => check(contender, constraints) ?? []);
}

/** What an objective compares: more is better, with the interval in which the true figure lies. */
const merits = {
  latency: ({ speedup }) => speedup ?? unknownMerit,
  throughput: ({ throughputGain }) => throughputGain ?? unknownMerit,
  // Peaks repeat within two per cent from run to run.
  memory: ({ peakMemoryBytes: bytes }) => ({ value: -bytes, low: -bytes * 1.02, high: -bytes * 0.98 }),
} as const satisfies Record<Objective, (contender: Contender) => Estimate>;

const unknownMerit: Estimate = { value: 0, low: 0, high: 0 };

/** The best by the objective, then the simplest of those whose interval reaches into the best one's. */
function winner(fitting: readonly [Contender, ...Contender[]], { objective }: Constraints): Contender {
  const merit = merits[objective];
  const best = fitting.reduce((a, b) => (merit(b).value > merit(a).value ? b : a));
  return fitting.find((contender) => merit(contender).high >= merit(best).low) ?? best;
}

/** Fewest faults first, then the smallest excess; what failed altogether comes last. */
function leastFaulty(contenders: readonly Contender[], faults: ReadonlyMap<Contender, readonly Fault[]>): Contender {
  const distance = (contender: Contender) => {
    const all = faults.get(contender)!;
    const excess = all.reduce((sum, fault) => sum + fault.excess, 0);
    return [excess === Number.POSITIVE_INFINITY ? 1 : 0, all.length, excess] as const;
  };
  const isCloser = (a: Contender, b: Contender) => {
    const [left, right] = [distance(a), distance(b)];
    const at = left.findIndex((value, index) => value !== right[index]);
    return at >= 0 && left[at]! < right[at]!;
  };
  return contenders.reduce((a, b) => (isCloser(b, a) ? b : a));
}

function praise(contender: Contender, { objective }: Constraints): string {
  const { speedup, accuracy, peakMemoryBytes } = contender;
  if (accuracy === null || speedup === null) return 'no variant surely does better within the constraints';
  const gain = objective === 'memory' ? `${bytesText(peakMemoryBytes)} of memory, ` : '';
  return `${gain}${estimateText(speedup, ' as float32')}; ${accuracyText(accuracy)}`;
}

function compare(contender: Contender, chosen: Contender, { objective }: Constraints): string {
  const [merit, best] = [merits[objective](contender), merits[objective](chosen)];
  const isTie = merit.high >= best.low && best.high >= merit.low;
  if (isTie) return `no measurable advantage over ${chosen.name}, which is simpler`;
  if (objective === 'memory')
    return `needs ${bytesText(contender.peakMemoryBytes)} of memory, ${chosen.name} ${bytesText(chosen.peakMemoryBytes)}`;
  if (contender.accuracy === null) return `${chosen.name} is ${best.value.toFixed(2)} times as fast`;
  return `${estimateText(merit)}; ${chosen.name} is ${best.value.toFixed(2)}`;
}

function verdictOf(
  outcome: Choice['outcome'],
  chosen: Contender,
  reasons: Readonly<Record<string, string>>,
  [float32]: readonly Contender[],
  undecided: readonly Contender[],
): string {
  const open = undecided.filter(({ speedup }) => (speedup?.low ?? 0) >= 1);
  const hopes = open.map(
    (contender) => `${contender.name} (${contender.speedup!.value.toFixed(2)}×): ${accuracyText(contender.accuracy!)}`,
  );
  const tail = chosen === float32 && hopes.length > 0 ? `. Not decided: ${hopes.join('; ')}` : '';
  if (outcome === 'closest')
    return `Nothing meets the constraints; ${chosen.name} comes closest: ${reasons[chosen.name]!.replace('closest: ', '')}${tail}.`;
  if (chosen === float32) return `float32 stays: no variant surely does better within the constraints${tail}.`;
  return `${chosen.name}: ${reasons[chosen.name]}.`;
}
