/** Which constants of a graph are weights that training may move, told by the part they play. */
import { constantOf } from '../../graph/initializer.ts';
import type { Graph } from '../../graph/model.ts';
import { elementCount, type Tensor } from '../../graph/tensor.ts';

export type Parameter = {
  /** A float32 initializer. */
  readonly name: string;
  /** Times the learning rate. Default 1. */
  readonly rate?: number;
  /** Whether weight decay pulls at it; biases and scales are left alone. */
  readonly decays: boolean;
  /** 1 where a weight may differ from zero, 0 where it is pruned: of the parameter's shape. */
  readonly mask?: Tensor<'float32'>;
};

/** Inputs that are weights when they are constant. `true`: weight decay makes sense for it. */
const roles: Readonly<Record<string, Readonly<Record<number, boolean>>>> = {
  Conv: { 1: true, 2: false },
  ConvTranspose: { 1: true, 2: false },
  Gemm: { 0: true, 1: true, 2: false },
  MatMul: { 0: true, 1: true },
  Gather: { 0: true },
  LSTM: { 1: true, 2: true, 3: false },
  GRU: { 1: true, 2: true, 3: false },
  BatchNormalization: { 1: false, 2: false },
  LayerNormalization: { 1: false, 2: false },
  PRelu: { 1: false },
  Add: { 0: false, 1: false },
  Mul: { 0: false, 1: false },
};

/** Their names in order of use. A scalar operand of Add or Mul is part of the model's form, not a weight. */
export function findParameters(graph: Graph): readonly Parameter[] {
  const found = new Map<string, Parameter>();
  for (const { opType, domain, inputs } of graph.nodes) {
    const role = domain === '' ? roles[opType] : undefined;
    for (const [index, name] of inputs.entries()) {
      const decays = role?.[index];
      const stored = decays === undefined || name === '' ? undefined : constantOf(graph, name);
      if (stored?.type !== 'float32' || found.has(name)) continue;
      if ((opType === 'Add' || opType === 'Mul') && elementCount(stored.dims) < 2) continue;
      found.set(name, { name, decays: decays! });
    }
  }
  return [...found.values()];
}
