/** A model's answers on held-out windows, in the form that two models are compared by. */
import { OctetError } from '../base/errors.ts';
import type { Task } from '../data/pipeline.ts';
import { evenly, type Samples } from '../data/samples.ts';
import type { Session } from '../engine/session.ts';
import type { Decided } from './messages.ts';

/**
 * Without a task the model is taken for a classifier.
 * @param onWindow told the share that is done.
 * @throws MODEL_UNSUPPORTED when the output's shape differs from window to window: such answers cannot be compared.
 */
export async function decideWindows(
  session: Session,
  heldOut: Samples,
  windows: number,
  task: Task | undefined,
  onWindow: (fraction: number) => void,
): Promise<Decided> {
  const chosen = evenly(heldOut, windows);
  const classes = (task?.kind ?? 'classify') === 'classify';
  const [decisions, outputs]: [number[], number[]] = [[], []];
  const { name } = session.outputs[0]!;
  let shape: string | undefined;
  for (let index = 0; index < chosen.count; index++) {
    const { dims, data: values } = (await session.run(await chosen.feeds(index)))[name]!;
    shape ??= dims.join(', ');
    if (dims.join(', ') !== shape) throw changedShape(name, shape, dims.join(', '));
    if (classes) decisions.push(decisionOf(values));
    else outputs.push(...Array.from(values, Number));
    onWindow((index + 1) / chosen.count);
  }
  return {
    windows: chosen.count,
    decisions: classes ? Int32Array.from(decisions) : null,
    outputs: classes ? null : Float32Array.from(outputs),
    labels: classes && chosen.labels ? Int32Array.from(chosen.labels) : null,
    description: chosen.description,
  };
}

function changedShape(output: string, first: string, later: string): OctetError {
  return new OctetError(
    'MODEL_UNSUPPORTED',
    `output ${output}: expected the same shape for every window, got [${first}] and then [${later}]`,
    { hint: 'Answers of changing size cannot be compared: export the model with outputs of a fixed size.' },
  );
}

/** −1, no decision, also for infinity: the runner does not act on outputs that are not finite. */
export function decisionOf(values: ArrayLike<number | bigint>): number {
  for (let index = 0; index < values.length; index++) if (!Number.isFinite(Number(values[index]))) return -1;
  return argmax(values);
}

/** Index of the largest value, the first of equals; −1 when any is not a number. */
export function argmax(values: ArrayLike<number | bigint>): number {
  let best = 0;
  for (let index = 0; index < values.length; index++) {
    if (Number.isNaN(values[index])) return -1;
    if (values[index]! > values[best]!) best = index;
  }
  return values.length === 0 ? -1 : best;
}
