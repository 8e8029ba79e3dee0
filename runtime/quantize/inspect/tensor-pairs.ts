/**
 * Which tensor of the quantised model stands for which tensor of the float one. Names survive quantisation, with suffixes, and
 * QuantizeLinear says what it rounds; a Relu that became the end of a range is the one thing that names do not tell.
 */
import { linksOf } from '../../graph/links.ts';
import type { Graph, Node } from '../../graph/model.ts';
import { type IntegerParams, integerValues } from './integer-values.ts';

export type TensorPair = {
  /** A value of the float model. */
  readonly float: string;
  /** The node of the float model that computes it; undefined for an input of the model. */
  readonly node: Node | undefined;
  /** What to read of the quantised model: integers when `params` is there, else floats. */
  readonly quantized: string;
  readonly params: IntegerParams | undefined;
};

/** Pairs in the float model's order of execution, inputs first. Only values of the main graph. */
export function pairTensors(float: Graph, quantized: Graph): TensorPair[] {
  const partners = partnersOf(quantized);
  const { producers } = linksOf(float);
  const names = [...float.inputs.map(({ name }) => name), ...float.nodes.flatMap(({ outputs }) => outputs)];
  const pairs = new Map<string, TensorPair>();
  for (const name of names.filter((each) => each && !float.initializers.has(each))) {
    const partner = partners.get(name);
    if (!partner) continue;
    const clipped = clippedForm(name, float, partners);
    pairs.set(clipped, { float: clipped, node: producers.get(clipped), ...partner });
  }
  const isComputed = ({ node, params }: TensorPair) => node !== undefined || params !== undefined;
  return [...pairs.values()].filter(isComputed);
}

type Partner = Pick<TensorPair, 'quantized' | 'params'>;

/**
 * By the float tensor's name. Rounded forms win over what stands before the rounding: the next layer sees them. A tensor that became
 * an image of height 1 (`_2d`, see conv-1d-as-2d.ts) has the same values in the same order.
 */
function partnersOf(graph: Graph): ReadonlyMap<string, Partner> {
  const integers = integerValues(graph);
  const partners = new Map<string, Partner>(
    graph.nodes
      .flatMap(({ outputs }) => outputs)
      .filter((name) => name && !integers.has(name))
      .map((name) => [name, { quantized: name, params: undefined }]),
  );
  for (const [name, params] of integers) {
    for (const stem of stemsOf(name)) partners.set(stem, { quantized: name, params });
  }
  for (const node of graph.nodes) {
    const params = integers.get(node.inputs[0] ?? '');
    const { opType, inputs, outputs } = node;
    if (opType === 'DequantizeLinear' && params) partners.set(outputs[0]!, { quantized: inputs[0]!, params });
    if (opType === 'QuantizeLinear' && integers.has(outputs[0]!))
      partners.set(inputs[0]!, { quantized: outputs[0]!, params: integers.get(outputs[0]!) });
  }
  for (const [name, partner] of [...partners]) {
    const flat = name.replace(/_2d(_\d+)?$/, '');
    if (!partners.has(flat)) partners.set(flat, partner);
  }
  return partners;
}

/** `relu_1_quantized`, `relu_1_QuantizeLinear_Output` → `relu_1`. */
function stemsOf(name: string): string[] {
  const stem = name.replace(/(_quantized|_QuantizeLinear_Output)_*$/, '');
  return stem === name ? [] : [stem];
}

/** `conv → Relu` ⇒ the Relu's output, where the quantised model has the convolution's name but not the Relu's. */
function clippedForm(name: string, float: Graph, partners: ReadonlyMap<string, Partner>): string {
  const users = float.nodes.filter(({ inputs }) => inputs.includes(name));
  const [next] = users;
  const output = next?.outputs[0];
  const isClip = users.length === 1 && (next?.opType === 'Relu' || next?.opType === 'Clip');
  return isClip && output && !partners.has(output) ? output : name;
}
