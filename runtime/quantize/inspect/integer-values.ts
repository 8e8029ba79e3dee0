/** Which values of a quantised graph are integers that stand for real numbers, and with which scale and zero point. */
import { constantTensor } from '../../graph/initializer.ts';
import { type IntegerType, integerRanges } from '../../graph/integers.ts';
import type { Graph, Node } from '../../graph/model.ts';
import type { Range } from '../numerics.ts';

/** Scale and zero point of a tensor that is quantised as a whole. */
export type IntegerParams = { readonly type: IntegerType; readonly scale: number; readonly zeroPoint: number };

/** Operator → the inputs that hold its output's scale and zero point. Source: ONNX Runtime's ContribOperators.md. */
const outputParams: Readonly<Record<string, readonly [scale: number, zeroPoint: number]>> = {
  QuantizeLinear: [1, 2],
  QLinearConv: [6, 7],
  QLinearMatMul: [6, 7],
  QLinearAdd: [6, 7],
  QLinearMul: [6, 7],
  QGemm: [7, 8],
  QLinearConcat: [0, 1],
  QLinearGlobalAveragePool: [3, 4],
  QLinearAveragePool: [3, 4],
  QLinearLeakyRelu: [3, 4],
  QLinearSigmoid: [3, 4],
  QLinearSoftmax: [3, 4],
  QLinearReduceMean: [3, 4],
};

/** Move integers without changing what they stand for. */
const passThrough = new Set(
  'MaxPool Transpose Reshape Flatten Squeeze Unsqueeze Slice Gather Identity Expand Tile Split'.split(' '),
);

/** By value, for the nodes of the main graph. Left out is what has one scale per channel: activations never do. */
export function integerValues(graph: Graph): ReadonlyMap<string, IntegerParams> {
  const known = new Map<string, IntegerParams>();
  for (const node of graph.nodes) {
    const params = passThrough.has(node.opType) ? known.get(node.inputs[0] ?? '') : paramsOf(node, graph);
    if (params) for (const output of node.outputs) known.set(output, params);
  }
  return known;
}

function paramsOf(node: Node, graph: Graph): IntegerParams | undefined {
  const [scaleAt, zeroAt] = outputParams[node.opType] ?? [];
  const [scale, zero] = [scaleAt, zeroAt].map((at) => {
    const name = at === undefined ? undefined : node.inputs[at];
    return name ? constantTensor(graph, name) : undefined;
  });
  if (scale?.data.length !== 1) return undefined;
  // Without a zero point it is uint8 zero. Source: ONNX QuantizeLinear-13.
  const type = (zero?.type ?? 'uint8') as IntegerType;
  return { type, scale: Number(scale.data[0]), zeroPoint: Number(zero?.data[0] ?? 0) };
}

/** The real numbers at both ends of the type. */
export function rangeOfParams({ type, scale, zeroPoint }: IntegerParams): Range {
  const { min, max } = integerRanges[type];
  return { min: scale * (min - zeroPoint), max: scale * (max - zeroPoint) };
}
