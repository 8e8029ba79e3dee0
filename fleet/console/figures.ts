/** What the page and the terminal compute from what they received: medians, the steps of a deployment. */
import type { Reported, State, TrialRow } from '../../agent/protocol/messages.ts';

export type Slot = Reported['slots'][number];

/** The middle value (of an even number, the mean of the two in the middle); undefined of nothing. */
export function medianOf(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** What a deployment goes through, in the words of the terminal and of the page. */
export const steps = ['pull', 'record', 'calibrate', 'measure', 'choose', 'activate'] as const;
export type Step = (typeof steps)[number];

export type StepState = 'done' | 'current' | 'failed' | 'ahead';

const stepOfState = {
  queued: 'pull',
  accepted: 'pull',
  downloading: 'pull',
  verifying: 'pull',
  calibrating: 'calibrate',
  measuring: 'measure',
  shadowing: 'activate',
  activating: 'activate',
  confirming: 'activate',
} as const satisfies Partial<Record<State, Step>>;

/** The step that a slot is at; undefined when its deployment has ended. */
export function currentStep({ state, detail }: Slot): Step | undefined {
  // Calibrating begins with recording, before there is anything to say about it.
  if (state === 'calibrating' && (detail === '' || /^record/.test(detail))) return 'record';
  return state in stepOfState ? stepOfState[state as keyof typeof stepOfState] : undefined;
}

/**
 * Every step with its state.
 * @param lastSeen the last step that the slot was seen at: where a failed deployment stopped.
 */
export function stepStates(slot: Slot, lastSeen: Step | undefined): readonly (readonly [Step, StepState])[] {
  if (slot.state === 'succeeded') return steps.map((step) => [step, 'done']);
  const current = currentStep(slot);
  const at = steps.indexOf(current ?? lastSeen ?? 'pull');
  const here: StepState = current !== undefined ? 'current' : lastSeen !== undefined ? 'failed' : 'ahead';
  return steps.map((step, index) => [step, index < at ? 'done' : index === at ? here : 'ahead']);
}

/** The row that runs, and the float32 row that it is compared with. */
export function chosenAndBaseline(trials: readonly TrialRow[]): { chosen?: TrialRow; baseline?: TrialRow } {
  const chosen = trials.find((row) => row.chosen);
  const baseline = trials.find(({ variant }) => variant === 'float32');
  return { ...(chosen ? { chosen } : {}), ...(baseline ? { baseline } : {}) };
}
