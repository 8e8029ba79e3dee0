/** Whether a form of the model decides like float32, on windows that calibrated nothing. */
import type { Budget, Task } from '../../data/pipeline.ts';
import type { Samples } from '../../data/samples.ts';
import { openSession } from '../../engine/session.ts';
import type { AccuracyJudgement } from '../../measure/accuracy.ts';
import { decideWindows } from '../../measure/decide.ts';
import { guessTask } from '../../measure/guess-task.ts';
import { judge } from '../../measure/judge.ts';
import type { Decided } from '../../measure/messages.ts';

export type GateSettings = {
  readonly heldOut: Samples;
  readonly task: Task | undefined;
  readonly budget: Budget;
  /** One call of float32, to know how many windows there is time for. */
  readonly callUs: number;
};

export type Gate = {
  /** Null when there is nothing to judge by. @throws what running throws. */
  judge(model: Uint8Array): Promise<AccuracyJudgement | null>;
};

/** For the decisions of one model; more windows than this many seconds allow are not waited for, but 400 are. */
const secondsEach = 4;
const fewestWindows = 400;

/** @param floatPath the model to compare with. */
export async function openGate(floatPath: string, settings: GateSettings): Promise<Gate> {
  const { heldOut, budget, callUs } = settings;
  const windows = Math.max(fewestWindows, Math.ceil((secondsEach * 1e6) / callUs));
  const task = settings.task ?? (await taskOf(floatPath, heldOut));
  const decide = async (source: string | Uint8Array): Promise<Decided | null> => {
    if (heldOut.count === 0) return null;
    const session = await openSession(source);
    try {
      return await decideWindows(session, heldOut, windows, task, () => undefined);
    } finally {
      await session.close();
    }
  };
  const baseline = await decide(floatPath);
  return { judge: async (model) => judge(baseline, await decide(model), budget) };
}

/** What the model is for, where nobody says. Opens a session. */
export async function taskOf(floatPath: string, heldOut: Samples): Promise<Task | undefined> {
  const session = await openSession(floatPath);
  try {
    return await guessTask(session, heldOut);
  } finally {
    await session.close();
  }
}

/**
 * Within the budget as far as the windows can tell. What could not be judged is not trusted, and neither is what no number
 * of windows could ever prove, such as losing nothing at all.
 */
export function isAcceptable(judgement: AccuracyJudgement | null): boolean {
  if (judgement === null) return false;
  return judgement.verdict === 'within' || (judgement.verdict === 'insufficient' && judgement.moreWindows !== null);
}
