/**
 * Try, ask ONNX Runtime what fused, try again without what did not, until every Q/DQ pair that stays buys an integer
 * kernel. The same for every kind of recipe.
 */
import type { Model, Node } from '../../graph/model.ts';
import { encodeModel } from '../../graph/save.ts';
import { allNodes } from '../bodies/map-graphs.ts';
import type { NodeOutcome } from '../messages.ts';
import { type Kernels, type Marks, readKernels } from './fused.ts';

/** Names of nodes that must stay float, with the reason. */
export type TakenBack = ReadonlyMap<string, string>;

export type Attempt = {
  readonly model: Model;
  readonly marks: Marks;
  /** Nodes of the float graph that become part of a unit, with the name by which the unit is marked. */
  readonly unitOf: ReadonlyMap<Node, string>;
  /** The others that work on data, with the reason why they stay float. */
  readonly floats: ReadonlyMap<Node, string>;
  /** Nodes that are quantised although the runtime computes them in float, with the reason. */
  readonly forced?: ReadonlyMap<Node, string>;
};

export type Quantized =
  | {
      readonly ok: true;
      readonly bytes: Uint8Array;
      readonly outcomes: readonly NodeOutcome[];
      /** What was tried and did not fuse. */
      readonly takenBack: TakenBack;
    }
  /** Nothing to quantise. */
  | { readonly ok: false; readonly reason: string; readonly outcomes: readonly NodeOutcome[] };

/** @param float the model before. @throws what `attempt` and ONNX Runtime throw. Opens sessions. */
export async function settle(float: Model, attempt: (takenBack: TakenBack) => Attempt): Promise<Quantized> {
  const takenBack = new Map<string, string>();
  for (;;) {
    const tried = attempt(takenBack);
    if (tried.marks.size === 0 && !tried.forced?.size) return nothingToDo(float, tried);
    const bytes = encodeModel(tried.model);
    const kernels = await readKernels(bytes, tried.model.graph, tried.marks);
    const lost = [...kernels].filter(([, { isInteger }]) => !isInteger);
    if (lost.length === 0) return { ok: true, bytes, outcomes: outcomesOf(float, tried, kernels), takenBack };
    // At least one unit fewer each time, so this ends.
    for (const [name, { opType }] of lost)
      takenBack.set(name, `ONNX Runtime did not fuse it (${opType} computes its output)`);
  }
}

function nothingToDo(float: Model, tried: Attempt): Quantized {
  const operators = [...new Set(allNodes(float.graph).map(({ opType }) => opType))].join(', ');
  const reason = `no node of this model would run in int8 (it has ${operators})`;
  return { ok: false, reason, outcomes: outcomesOf(float, tried, new Map()) };
}

/** In the graph's order; nodes of bodies after the node that owns them. */
function outcomesOf({ graph }: Model, { unitOf, floats, forced }: Attempt, kernels: Kernels): NodeOutcome[] {
  return allNodes(graph).flatMap((node): NodeOutcome[] => {
    const { name, opType } = node;
    const unit = unitOf.get(node);
    if (unit !== undefined) return [{ node: name, opType, kernel: kernels.get(unit)?.opType ?? opType }];
    const reason = floats.get(node) ?? forced?.get(node);
    return reason === undefined ? [] : [{ node: name, opType, reason }];
  });
}
