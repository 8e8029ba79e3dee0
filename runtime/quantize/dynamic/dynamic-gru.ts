/**
 * GRU → a Loop over its steps, whose matrix products become int8 like any others: ONNX Runtime has no int8 GRU. Taking it apart costs
 * some 6 µs a step on x86-64, so it is done for wide layers only.
 */
import { graph as graphAttribute, int, intAttribute, stringAttribute } from '../../graph/attributes.ts';
import { float32, graphOf, int64, node as makeNode, valueInfo } from '../../graph/build.ts';
import type { Graph, Node } from '../../graph/model.ts';
import type { Tensor } from '../../graph/tensor.ts';
import type { DynamicContext, DynamicResult } from './dynamic-context.ts';

/** Hidden values from which on it pays. Measured on x86-64, one thread, 49 steps: 256 takes 1.09 of float's time, 512 takes 0.44. */
const leastHidden = 384;

/** Emits a product of `x` and `matrix`. @returns like an operator's rule. */
type EmitProduct = (x: string, base: string, matrix: Tensor<'float32'>, output: string) => DynamicResult;

/**
 * `GRU(x, W, R, B, , h0)` ⇒ `p = x·Wᵀ + b` for all steps at once, then for each step `q = h·Rᵀ + c`, `z = σ(p_z + q_z)`, `r = σ(p_r + q_r)`,
 * `n = tanh(p_n + r·q_n)`, `h ← z·(h − n) + n`. Only for one direction with linear_before_reset 1 and the usual functions. Source: ONNX GRU-14.
 */
export function gruToInt8(node: Node, context: DynamicContext, emitProduct: EmitProduct): DynamicResult {
  const [x = '', w, r, b, lengths, initial] = node.inputs;
  const [weights, recurrent, biases] = [w, r, b].map(context.weight);
  const refused = refuse(node, weights, recurrent, b ? biases : undefined, b, lengths);
  if (refused !== undefined) return { refused };
  const hidden = recurrent!.dims[2]!;
  const inputs = weights!.dims[2]!;
  const [wide, bias, offset] = ['projected', 'input_bias', 'projection'].map((part) =>
    context.fresh(`${node.name}_${part}`),
  ) as [string, string, string];
  const result = emitProduct(x, w!, columnsOf(weights!, 3 * hidden, inputs), wide);
  const both = biases?.data ?? new Float32Array(6 * hidden);
  const stored = context.store(node.name, 'gru', () => ({
    input_bias: float32([3 * hidden], both.subarray(0, 3 * hidden)),
    recurrent: columnsOf(recurrent!, 3 * hidden, hidden),
    recurrent_bias: float32([3 * hidden], both.subarray(3 * hidden)),
    zeros: float32([1, 1, hidden], new Float32Array(hidden)),
    first: int64([1], [0]),
    second: int64([1], [1]),
    column: int64([1], [-1]),
  }));
  context.emit(makeNode('Add', [wide, stored.input_bias], [offset], {}, bias));
  const start = emitStart(node, x, initial, stored, context);
  emitLoop(node, offset, start, stored, context);
  return result;
}

type Stored = Readonly<Record<'recurrent' | 'recurrent_bias' | 'zeros' | 'first' | 'second', string>>;

function refuse(
  node: Node,
  weights: Tensor<'float32'> | undefined,
  recurrent: Tensor<'float32'> | undefined,
  biases: Tensor<'float32'> | undefined,
  b: string | undefined,
  lengths: string | undefined,
): string | undefined {
  if (!weights || !recurrent || (b && !biases)) return 'its weights are not float32 constants';
  if ((recurrent.dims[2] ?? 0) < leastHidden)
    return `ONNX Runtime has no int8 GRU, and below ${leastHidden} hidden values one in steps is slower than float`;
  const isPlain =
    stringAttribute(node, 'direction', 'forward') === 'forward' &&
    !lengths &&
    !node.attributes.has('clip') &&
    !node.attributes.has('activations');
  if (!isPlain || intAttribute(node, 'layout', 0) !== 0)
    return 'ONNX Runtime has no int8 GRU, and this one is not a plain forward one';
  return intAttribute(node, 'linear_before_reset', 0) === 1
    ? undefined
    : 'ONNX Runtime has no int8 GRU, and this one resets before its product';
}

/** The first hidden state, [batch, hidden]. */
function emitStart(
  node: Node,
  x: string,
  initial: string | undefined,
  stored: Stored,
  { emit, fresh }: DynamicContext,
): string {
  const start = fresh(`${node.name}_start`);
  if (initial) {
    emit(makeNode('Squeeze', [initial, stored.first], [start], {}, start));
    return start;
  }
  // [1, batch, 1] of zeros tells the batch.
  const [shape, batch, sizes, spread] = ['shape', 'batch', 'sizes', 'spread'].map((part) =>
    fresh(`${node.name}_${part}`),
  ) as [string, string, string, string];
  emit(makeNode('Shape', [x], [shape], {}, shape));
  emit(makeNode('Gather', [shape, stored.second], [batch], { axis: int(0) }, batch));
  emit(makeNode('Concat', [stored.second, batch, stored.second], [sizes], { axis: int(0) }, sizes));
  emit(makeNode('Expand', [stored.zeros, sizes], [spread], {}, spread));
  emit(makeNode('Squeeze', [spread, stored.first], [start], {}, start));
  return start;
}

function emitLoop(node: Node, projected: string, start: string, stored: Stored, { emit, fresh }: DynamicContext): void {
  const named = (part: string) => fresh(`${node.name}_${part}`);
  const [shape, count, steps, last, all] = ['x_shape', 'count', 'steps', 'last', 'all'].map(named) as [
    string,
    string,
    string,
    string,
    string,
  ];
  emit(makeNode('Shape', [projected], [shape], {}, shape));
  emit(makeNode('Gather', [shape, stored.first], [count], { axis: int(0) }, count));
  emit(makeNode('Squeeze', [count, stored.first], [steps], {}, steps));
  const body = graphAttribute(stepOf(projected, stored, named, node.name));
  emit(makeNode('Loop', [steps, '', start], [last, all], { body }, node.name));
  const [y, yh] = node.outputs;
  if (y) emit(makeNode('Unsqueeze', [all, stored.second], [y], {}, `${all}/directions`));
  if (yh) emit(makeNode('Unsqueeze', [last, stored.first], [yh], {}, `${last}/directions`));
}

/** One step: [batch, hidden] → the same, given twice, as what is carried on and as what is collected. */
function stepOf(projected: string, stored: Stored, named: (part: string) => string, name: string): Graph {
  const v = Object.fromEntries(
    [
      'i',
      'going',
      'h',
      'go',
      'p',
      'm',
      'q',
      'pz',
      'pr',
      'pn',
      'qz',
      'qr',
      'qn',
      'sz',
      'sr',
      'z',
      'r',
      'rq',
      'sn',
      'n',
      'd',
      'zd',
      'h2',
      'out',
    ].map((part) => [part, named(part)]),
  ) as Record<string, string>;
  const at = (key: string) => v[key]!;
  const step = (opType: string, inputs: readonly string[], outputs: readonly string[], attributes = {}) =>
    makeNode(opType, inputs, outputs.map(at), attributes, `${name}/step/${outputs[0]}`);
  return graphOf({
    name: `${name}_step`,
    nodes: [
      step('Identity', [at('going')], ['go']),
      step('Gather', [projected, at('i')], ['p'], { axis: int(0) }),
      step('MatMul', [at('h'), stored.recurrent], ['m']),
      step('Add', [at('m'), stored.recurrent_bias], ['q']),
      step('Split', [at('p')], ['pz', 'pr', 'pn'], { axis: int(1) }),
      step('Split', [at('q')], ['qz', 'qr', 'qn'], { axis: int(1) }),
      step('Add', [at('pz'), at('qz')], ['sz']),
      step('Sigmoid', [at('sz')], ['z']),
      step('Add', [at('pr'), at('qr')], ['sr']),
      step('Sigmoid', [at('sr')], ['r']),
      step('Mul', [at('r'), at('qn')], ['rq']),
      step('Add', [at('pn'), at('rq')], ['sn']),
      step('Tanh', [at('sn')], ['n']),
      step('Sub', [at('h'), at('n')], ['d']),
      step('Mul', [at('z'), at('d')], ['zd']),
      step('Add', [at('zd'), at('n')], ['h2']),
      step('Identity', [at('h2')], ['out']),
    ],
    inputs: [valueInfo(at('i'), 'int64', []), valueInfo(at('going'), 'bool', []), valueInfo(at('h'), 'float32')],
    outputs: [valueInfo(at('go'), 'bool'), valueInfo(at('h2'), 'float32'), valueInfo(at('out'), 'float32')],
  });
}

/** [1, rows, columns] → [columns, rows]. */
function columnsOf({ data }: Tensor<'float32'>, rows: number, columns: number): Tensor<'float32'> {
  return float32(
    [columns, rows],
    Float32Array.from(data, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)]!),
  );
}
