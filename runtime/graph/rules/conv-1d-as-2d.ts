/**
 * One-dimensional networks as two-dimensional ones of height 1, for which ONNX Runtime has its fast blocked layout:
 * `Conv(x, W)` ⇒ `Squeeze(Conv(Unsqueeze(x), Unsqueeze(W)))`, likewise pooling, and then the Squeezes sink through what does
 * not look at the axis until they meet an Unsqueeze and both vanish. Values stay the same to the bit or the rounding of
 * another order of summation.
 */
import { int, ints, intsAttribute, stringAttribute } from '../attributes.ts';
import { int64, node } from '../build.ts';
import { storeTensor } from '../initializer.ts';
import type { Attribute, Node } from '../model.ts';
import type { RewriteContext, Rule } from '../rewrite.ts';
import type { Tensor } from '../tensor.ts';
import { integersOf, soleProducer } from './match.ts';

/** The height of 1 comes before the length: [batch, channels, 1, length]. */
const heightAxis = 2;

/** Only if the kernel is constant and one-dimensional. */
export const conv1dAs2d: Rule = {
  name: 'conv1dAs2d',
  opTypes: ['Conv'],
  replace(conv, context) {
    const [x = '', w = '', ...bias] = conv.inputs;
    const kernel = context.constant(w);
    if (kernel?.dims.length !== 3) return undefined;
    const [outputs = 0, inputs = 0, length = 0] = kernel.dims;
    const stored = storeTensor(context.freshName(`${w}_2d`), {
      ...kernel,
      dims: [outputs, inputs, 1, length],
    } as Tensor);
    const widened = widenAttributes(conv, [length]);
    return around(conv, [x], context, (from) => ({ ...widened, inputs: [...from, stored.name, ...bias] }), [stored]);
  },
};

/** `MaxPool`, `AveragePool` over one axis; only without indices. */
export const pool1dAs2d: Rule = {
  name: 'pool1dAs2d',
  opTypes: ['MaxPool', 'AveragePool'],
  replace(pool, context) {
    const kernel = intsAttribute(pool, 'kernel_shape');
    if (kernel?.length !== 1 || pool.outputs.length !== 1) return undefined;
    const widened = widenAttributes(pool, kernel);
    return around(pool, pool.inputs, context, (inputs) => ({ ...widened, inputs }), []);
  },
};

/** `f(Squeeze(x))` ⇒ `Squeeze(f(x))` for f that works value by value, or pools everything. */
export const sinkSqueeze: Rule = {
  name: 'sinkSqueeze',
  opTypes: ['Relu', 'LeakyRelu', 'Sigmoid', 'Tanh', 'HardSigmoid', 'HardSwish', 'Clip', 'Elu', 'GlobalAveragePool'],
  replace(node, context) {
    const squeeze = heightSqueeze(node.inputs[0], context);
    if (!squeeze) return undefined;
    const [from = '', axes = ''] = squeeze.inputs;
    const inner = context.freshName(`${node.outputs[0]}_2d`);
    return {
      nodes: [
        { ...node, inputs: [from, ...node.inputs.slice(1)], outputs: [inner] },
        { ...squeeze, inputs: [inner, axes], outputs: node.outputs },
      ],
    };
  },
};

/** `Add(Squeeze(a), Squeeze(b))` ⇒ `Squeeze(Add(a, b))`, likewise Mul and Concat of channels. */
export const sinkSqueezes: Rule = {
  name: 'sinkSqueezes',
  opTypes: ['Add', 'Mul', 'Concat'],
  replace(node, context) {
    const squeezes = node.inputs.map((input) => anyHeightSqueeze(input, context));
    const [first] = squeezes;
    if (!first || squeezes.includes(undefined)) return undefined;
    if (node.opType === 'Concat' && axisOf(node) !== 1) return undefined;
    const inner = context.freshName(`${node.outputs[0]}_2d`);
    return {
      nodes: [
        { ...node, inputs: squeezes.map((squeeze) => squeeze!.inputs[0]!), outputs: [inner] },
        { ...first, name: `${node.name}/squeeze`, inputs: [inner, first.inputs[1]!], outputs: node.outputs },
      ],
    };
  },
};

/** `Unsqueeze(Squeeze(x))` ⇒ x. */
export const cancelSqueeze: Rule = {
  name: 'cancelSqueeze',
  opTypes: ['Unsqueeze'],
  replace(node, context) {
    const squeeze = anyHeightSqueeze(node.inputs[0], context);
    const axes = integersOf(node.inputs[1], context);
    if (!squeeze || axes?.length !== 1 || axes[0] !== heightAxis || context.links.outputs.has(node.outputs[0]!))
      return undefined;
    return { substitute: [[node.outputs[0]!, squeeze.inputs[0]!]] };
  },
};

/** `Flatten(Squeeze(x))` ⇒ `Flatten(x)`: everything after the batch is one axis anyway. */
export const flattenSqueezed: Rule = {
  name: 'flattenSqueezed',
  opTypes: ['Flatten'],
  replace(node, context) {
    const squeeze = heightSqueeze(node.inputs[0], context);
    if (!squeeze || axisOf(node) !== 1) return undefined;
    return { nodes: [{ ...node, inputs: [squeeze.inputs[0]!] }] };
  },
};

function axisOf(node: Node): number {
  const attribute = node.attributes.get('axis');
  return attribute?.kind === 'int' ? Number(attribute.value) : 1;
}

/** A squeeze of the height that only this use needs. */
function heightSqueeze(value: string | undefined, context: RewriteContext): Node | undefined {
  const squeeze = soleProducer(value, 'Squeeze', context);
  return squeeze && isOfHeight(squeeze, context) ? squeeze : undefined;
}

/** Or others need too: then it stays for them. */
function anyHeightSqueeze(value: string | undefined, context: RewriteContext): Node | undefined {
  const squeeze = value ? context.links.producers.get(value) : undefined;
  return squeeze?.opType === 'Squeeze' && isOfHeight(squeeze, context) ? squeeze : undefined;
}

/** Only those that these rules made: another Squeeze may drop the axis of something with another rank. */
function isOfHeight(squeeze: Node, context: RewriteContext): boolean {
  const axes = integersOf(squeeze.inputs[1], context);
  return axes?.length === 1 && axes[0] === heightAxis && (squeeze.inputs[1]?.startsWith(axesName) ?? false);
}

const axesName = 'height_axis';

/** `x` gets its height before, and loses it after. */
function around(
  of: Node,
  [x = '']: readonly string[],
  context: RewriteContext,
  build: (inputs: readonly string[]) => Node,
  added: readonly ReturnType<typeof storeTensor>[],
) {
  const axes = storeTensor(context.freshName(axesName), int64([1], [BigInt(heightAxis)]));
  const [wide, result] = [context.freshName(`${x}_2d`), context.freshName(`${of.outputs[0]}_2d`)];
  return {
    nodes: [
      node('Unsqueeze', [x, axes.name], [wide], {}, `${of.name}/unsqueeze`),
      { ...build([wide]), outputs: [result] },
      node('Squeeze', [result, axes.name], of.outputs, {}, `${of.name}/squeeze`),
    ],
    initializers: [axes, ...added],
  };
}

/** Sizes per axis get a 1 in front, paddings a 0 at both ends of the new axis. */
function widenAttributes(of: Node, kernel: readonly number[]): Node {
  const widened = new Map<string, Attribute>(of.attributes);
  widened.set('kernel_shape', ints([1, ...kernel]));
  for (const name of ['strides', 'dilations']) widened.set(name, ints([1, ...intsAttribute(of, name, [1])]));
  const [begin = 0, end = 0] = intsAttribute(of, 'pads', []);
  if (stringAttribute(of, 'auto_pad', 'NOTSET') === 'NOTSET') widened.set('pads', ints([0, begin, 0, end]));
  if (of.opType === 'Conv') widened.set('group', of.attributes.get('group') ?? int(1));
  if (of.opType === 'AveragePool' && intsAttribute(of, 'dilations') === undefined) widened.delete('dilations');
  return { ...of, attributes: widened };
}
