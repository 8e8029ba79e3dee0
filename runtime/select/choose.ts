/**
 * The choice among trials. Pure, so that a recorded set of figures always gives the same answer and each answer can be
 * explained: hard constraints first, then the objective; what cannot be told apart goes to the simpler contender.
 */
import type { Estimate } from '../measure/statistics.ts';
import { faultsOf } from './constraints.ts';
import type { Contender, Demands } from './contender.ts';
import { accuracyText, bytesText, energyText, estimateText } from './figures.ts';
import type { Objective } from './selection.ts';
import type { Fate } from './trial-evidence.ts';

export type Choice = {
  /** `closest`: nothing met the constraints; `chosen` missed them by the least. */
  readonly outcome: 'met' | 'closest';
  readonly chosen: string;
  /** Name → why it was chosen, or why not. */
  readonly reasons: Readonly<Record<string, string>>;
  readonly fates: Readonly<Record<string, Fate>>;
  /** One sentence. */
  readonly verdict: string;
};

/** @param contenders float32 under the usual settings first. */
export function choose(contenders: readonly Contender[], demands: Demands): Choice {
  const judged = contenders.map((contender) => ({ contender, faults: faultsOf(contender, demands) }));
  const fitting = judged.filter(({ contender, faults }) => faults.length === 0 && isComplete(contender, demands));
  const [first, ...others] = fitting.map(({ contender }) => contender);
  const chosen = first ? winner([first, ...others], demands) : leastFaulty(judged);
  const outcome = first ? 'met' : 'closest';
  const ends = judged.map((entry) => endOf(entry, chosen, outcome, demands));
  const reasons = Object.fromEntries(ends.map(({ name, reason }) => [name, reason]));
  const fates = Object.fromEntries(ends.map(({ name, fate }) => [name, fate]));
  return { outcome, chosen: chosen.name, reasons, fates, verdict: verdictOf(outcome, chosen, reasons, contenders) };
}

type Judged = { readonly contender: Contender; readonly faults: ReturnType<typeof faultsOf> };
type End = { readonly name: string; readonly fate: Fate; readonly reason: string };

/** Whether everything is known that the constraints and the objective ask for. */
export function isComplete(contender: Contender, demands: Demands): boolean {
  const { speedup, peakMemoryBytes, accuracy, isFloat32, joulesPerSample } = contender;
  const isJudged = isFloat32 || accuracy !== null;
  return (
    isJudged &&
    speedup !== null &&
    peakMemoryBytes !== null &&
    (demands.objective !== 'energy' || joulesPerSample !== null)
  );
}

function endOf({ contender, faults }: Judged, chosen: Contender, outcome: Choice['outcome'], demands: Demands): End {
  const { name, failure } = contender;
  const fault = faults.map(({ text }) => text).join('; ');
  const end = (fate: Fate, reason: string): End => ({ name, fate, reason });
  if (contender === chosen)
    return end('chosen', outcome === 'met' ? praise(contender, demands) : `closest: ${fault || missing(contender)}`);
  if (failure !== null) return end('failed', fault);
  if (fault !== '') return end('refused', fault);
  if (isComplete(contender, demands)) return end('beaten', compare(contender, chosen, demands));
  if (contender.rounds > 0) return end('left', compareEarly(contender, chosen, demands));
  return end('untimed', missing(contender));
}

function missing({ rounds }: Contender): string {
  return rounds > 0 ? 'the time was over before it was judged: raise --time' : 'no time was left for it: raise --time';
}

/** What an objective compares: more is better, with the interval in which the true figure lies. */
const merits = {
  latency: ({ speedup }) => speedup,
  throughput: ({ throughputGain }) => throughputGain,
  // Peaks repeat within two per cent from run to run.
  memory: ({ peakMemoryBytes: bytes }) =>
    bytes === null ? null : { value: -bytes, low: -bytes * 1.02, high: -bytes * 0.98 },
  energy: ({ joulesPerSample: joules }) => joules && { value: -joules.value, low: -joules.high, high: -joules.low },
} as const satisfies Record<Objective, (contender: Contender) => Estimate | null>;

/** Of a contender for an objective; the least of all where it was not measured. */
export function meritOf(contender: Contender, objective: Objective): Estimate {
  return merits[objective](contender) ?? { value: -Infinity, low: -Infinity, high: -Infinity };
}

/** What differs by less is not worth a more involved answer, even where the intervals are narrow enough to tell. */
const negligible = 0.01;
/** What differs by more is no tie, however wide the intervals: the better figure is the better guess. */
const distinct = 0.03;

/** Whether two merits cannot, or need not, be told apart. */
export function isTie(a: Estimate, b: Estimate): boolean {
  const apart = Math.abs(a.value - b.value) / Math.max(Math.abs(a.value), Math.abs(b.value));
  return apart <= negligible || (apart <= distinct && a.high >= b.low && b.high >= a.low);
}

/** The best by the objective, then the simplest of those that are as good. */
function winner(fitting: readonly [Contender, ...Contender[]], { objective }: Demands): Contender {
  const merit = (contender: Contender) => meritOf(contender, objective);
  const best = fitting.reduce((a, b) => (merit(b).value > merit(a).value ? b : a));
  return fitting.find((contender) => isTie(merit(contender), merit(best))) ?? best;
}

/** Fewest faults first, then the smallest excess; what failed or was not measured comes last. */
function leastFaulty(judged: readonly Judged[]): Contender {
  const distance = ({ contender, faults }: Judged) => {
    const excess = faults.reduce((sum, fault) => sum + fault.excess, 0);
    const isUnknown = excess === Infinity || contender.peakMemoryBytes === null;
    return [isUnknown ? 1 : 0, faults.length, excess] as const;
  };
  const isCloser = (a: Judged, b: Judged) => {
    const [left, right] = [distance(a), distance(b)];
    const at = left.findIndex((value, index) => value !== right[index]);
    return at >= 0 && left[at]! < right[at]!;
  };
  return judged.reduce((a, b) => (isCloser(b, a) ? b : a)).contender;
}

function praise(contender: Contender, { objective }: Demands): string {
  const { speedup, accuracy, peakMemoryBytes, joulesPerSample, isFloat32 } = contender;
  const gains = {
    memory: `${bytesText(peakMemoryBytes ?? 0)} of memory, `,
    energy: joulesPerSample ? `${energyText(joulesPerSample)}, ` : '',
    latency: '',
    throughput: '',
  } as const satisfies Record<Objective, string>;
  const isUsual = speedup === null || (speedup.low === 1 && speedup.high === 1);
  if (isFloat32 && isUsual) return 'no variant surely does better within the constraints';
  const fast = `${gains[objective]}${estimateText(speedup!, ' as float32')}`;
  return accuracy === null ? `${fast}; the same decisions` : `${fast}; ${accuracyText(accuracy)}`;
}

function compare(contender: Contender, chosen: Contender, { objective }: Demands): string {
  const [merit, best] = [meritOf(contender, objective), meritOf(chosen, objective)];
  if (isTie(merit, best))
    return `no advantage worth having over ${chosen.name}, which is simpler: ${meritText(contender, objective)}`;
  return `${meritText(contender, objective)}; ${chosen.name} is at ${shortMerit(chosen, objective)}`;
}

function compareEarly(contender: Contender, chosen: Contender, { objective }: Demands): string {
  const rounds = contender.rounds === 1 ? 'the first round' : `${contender.rounds} rounds`;
  return `left after ${rounds} at ${shortMerit(contender, objective)}; ${chosen.name} is at ${shortMerit(chosen, objective)}`;
}

function meritText(contender: Contender, objective: Objective): string {
  if (objective === 'memory' || objective === 'energy') return shortMerit(contender, objective);
  const { value, low, high } = meritOf(contender, objective);
  return low === high ? `${value.toFixed(2)} times as fast` : estimateText({ value, low, high });
}

function shortMerit({ peakMemoryBytes, joulesPerSample, ...contender }: Contender, objective: Objective): string {
  if (objective === 'memory') return peakMemoryBytes === null ? 'unknown memory' : bytesText(peakMemoryBytes);
  if (objective === 'energy') return joulesPerSample === null ? 'unknown energy' : energyText(joulesPerSample);
  const merit = objective === 'latency' ? contender.speedup : contender.throughputGain;
  return merit === null ? 'an unknown speed' : `${merit.value.toFixed(2)} times`;
}

function verdictOf(
  outcome: Choice['outcome'],
  chosen: Contender,
  reasons: Readonly<Record<string, string>>,
  contenders: readonly Contender[],
): string {
  const open = contenders.filter(
    ({ accuracy, speedup }) =>
      accuracy?.verdict === 'insufficient' && (speedup?.value ?? 0) > (chosen.speedup?.value ?? 1),
  );
  const [hope, ...others] = open.toSorted((a, b) => b.speedup!.value - a.speedup!.value);
  const rest = others.length === 0 ? '' : ` (and ${others.length} more)`;
  const tail = hope
    ? `. Not decided: ${hope.name} (${hope.speedup!.value.toFixed(2)}×)${rest}: ${accuracyText(hope.accuracy!)}`
    : '';
  const reason = reasons[chosen.name]!;
  if (outcome === 'closest')
    return `Nothing meets the constraints; ${chosen.name} comes closest: ${reason.replace('closest: ', '')}${tail}.`;
  if (chosen === contenders[0]) return `${chosen.name} stays: ${reason}${tail}.`;
  return `${chosen.name}: ${reason}${tail}.`;
}
