/**
 * A network as a short declaration: layers in order, each with what makes it differ. It becomes an ONNX graph whose weights are
 * still to be drawn (initialise.ts), so that training needs no file made elsewhere.
 */
import { z } from 'zod';
import { float, int, ints } from '../../graph/attributes.ts';
import { graphOf, node as makeNode, modelOf, valueInfo } from '../../graph/build.ts';
import { storeTensor } from '../../graph/initializer.ts';
import type { Attribute, Model, Node, StoredTensor } from '../../graph/model.ts';
import { elementCount } from '../../graph/tensor.ts';

const size = z.number().int().min(1).max(65_536);

/** Conv → BatchNormalization → Relu, over one or two dimensions. Padded so that size changes by the stride alone. */
const convSchema = z.strictObject({
  kind: z.literal('conv'),
  filters: size,
  kernel: size.default(3),
  stride: size.default(1),
  relu: z.boolean().default(true),
});

/** One filter for each channel. */
const depthwiseSchema = convSchema.omit({ filters: true }).extend({ kind: z.literal('depthwise') });

/** Two convolutions beside a shortcut, which is a 1×1 convolution where sizes differ. */
const residualSchema = z.strictObject({
  kind: z.literal('residual'),
  filters: size,
  kernel: size.default(3),
  stride: size.default(1),
});

const layerSchema = z.discriminatedUnion('kind', [
  convSchema,
  depthwiseSchema,
  residualSchema,
  z.strictObject({ kind: z.literal('max-pool'), kernel: size.default(2) }),
  z.strictObject({ kind: z.literal('average') }).describe('the mean over all positions'),
  z.strictObject({ kind: z.literal('flatten') }),
  z.strictObject({ kind: z.literal('dense'), units: size, relu: z.boolean().default(false) }),
]);

export const architectureSchema = z.strictObject({
  /** Of one sample: [channels, width] or [channels, height, width]. */
  input: z.array(size).min(1).max(3),
  layers: z.array(layerSchema).min(1),
});

export type Architecture = z.output<typeof architectureSchema>;
type Layer = z.output<typeof layerSchema>;

/** What is there while layers are added. */
type Draft = {
  readonly nodes: Node[];
  readonly weights: StoredTensor[];
  /** The value so far and the sizes of one sample of it. */
  value: string;
  dims: readonly number[];
};

/** `x` [n, …input] → `logits`. Weights are zero. */
export function buildArchitecture({ input, layers }: Architecture): Model {
  const draft: Draft = { nodes: [], weights: [], value: 'x', dims: input };
  for (const [i, layer] of layers.entries()) addLayer(draft, layer, `layers.${i}`);
  const last = draft.nodes.at(-1)!;
  draft.nodes[draft.nodes.length - 1] = { ...last, outputs: ['logits'] };
  return modelOf(
    graphOf({
      nodes: draft.nodes,
      inputs: [valueInfo('x', 'float32', ['n', ...input])],
      outputs: [valueInfo('logits', 'float32', ['n', ...draft.dims])],
      initializers: draft.weights,
    }),
    { '': 17 },
  );
}

/** One line for each kind of layer. */
const adders: { readonly [K in Layer['kind']]: (draft: Draft, layer: LayerOf<K>, name: string) => void } = {
  conv: (draft, layer, name) => addConv(draft, name, { ...layer, group: 1 }),
  depthwise: (draft, layer, name) => addConv(draft, name, { ...layer, filters: draft.dims[0]!, group: draft.dims[0]! }),
  residual: (draft, layer, name) => addResidual(draft, name, layer),
  'max-pool': (draft, { kernel }, name) => addPool(draft, name, kernel),
  average(draft, _, name) {
    addNode(draft, 'GlobalAveragePool', name, [], [draft.dims[0]!, ...draft.dims.slice(1).map(() => 1)]);
    addNode(draft, 'Flatten', `${name}.flat`, [], [draft.dims[0]!]);
  },
  flatten: (draft, _, name) => addNode(draft, 'Flatten', name, [], [elementCount(draft.dims)]),
  dense: (draft, layer, name) => addDense(draft, name, layer),
};

type LayerOf<K extends Layer['kind']> = Extract<Layer, { kind: K }>;

function addLayer(draft: Draft, layer: Layer, name: string): void {
  (adders[layer.kind] as (draft: Draft, layer: Layer, name: string) => void)(draft, layer, name);
}

type ConvChoice = {
  readonly filters: number;
  readonly kernel: number;
  readonly stride: number;
  readonly group: number;
  readonly relu: boolean;
};

function addConv(draft: Draft, name: string, { filters, kernel, stride, group, relu }: ConvChoice): void {
  const [channels, ...positions] = draft.dims as [number, ...number[]];
  const outs = positions.map((length) => Math.ceil(length / stride));
  const totals = positions.map((length, i) => Math.max((outs[i]! - 1) * stride + kernel - length, 0));
  const pads = [...totals.map((total) => Math.floor(total / 2)), ...totals.map((total) => Math.ceil(total / 2))];
  const weight = addWeight(draft, `${name}.weight`, [filters, channels / group, ...positions.map(() => kernel)]);
  addNode(draft, 'Conv', name, [weight], [filters, ...outs], {
    kernel_shape: ints(positions.map(() => kernel)),
    strides: ints(positions.map(() => stride)),
    pads: ints(pads),
    group: int(group),
  });
  const parts = ['scale', 'bias', 'mean', 'variance'].map((part) =>
    addWeight(draft, `${name}.norm.${part}`, [filters]),
  );
  addNode(draft, 'BatchNormalization', `${name}.norm`, parts, draft.dims, { epsilon: float(1e-5) });
  if (relu) addNode(draft, 'Relu', `${name}.relu`, [], draft.dims);
}

function addResidual(draft: Draft, name: string, layer: LayerOf<'residual'>): void {
  const { filters, kernel, stride } = layer;
  const [input, dims] = [draft.value, draft.dims];
  addConv(draft, `${name}.first`, { filters, kernel, stride, group: 1, relu: true });
  addConv(draft, `${name}.second`, { filters, kernel, stride: 1, group: 1, relu: false });
  const branch = draft.value;
  const isSame = stride === 1 && dims[0] === filters;
  Object.assign(draft, { value: input, dims });
  if (!isSame) addConv(draft, `${name}.shortcut`, { filters, kernel: 1, stride, group: 1, relu: false });
  addNode(draft, 'Add', `${name}.sum`, [branch], draft.dims);
  addNode(draft, 'Relu', `${name}.relu`, [], draft.dims);
}

function addPool(draft: Draft, name: string, kernel: number): void {
  const [channels, ...positions] = draft.dims as [number, ...number[]];
  const each = ints(positions.map(() => kernel));
  const dims = [channels, ...positions.map((length) => Math.floor(length / kernel))];
  addNode(draft, 'MaxPool', name, [], dims, { kernel_shape: each, strides: each });
}

function addDense(draft: Draft, name: string, { units, relu }: LayerOf<'dense'>): void {
  const weight = addWeight(draft, `${name}.weight`, [units, elementCount(draft.dims)]);
  const bias = addWeight(draft, `${name}.bias`, [units]);
  addNode(draft, 'Gemm', name, [weight, bias], [units], { transB: int(1) });
  if (relu) addNode(draft, 'Relu', `${name}.relu`, [], draft.dims);
}

function addNode(
  draft: Draft,
  opType: string,
  name: string,
  others: readonly string[],
  dims: readonly number[],
  attributes: Readonly<Record<string, Attribute>> = {},
): void {
  const output = `${name}.out`;
  draft.nodes.push(makeNode(opType, [draft.value, ...others], [output], attributes, name));
  Object.assign(draft, { value: output, dims });
}

function addWeight(draft: Draft, name: string, dims: readonly number[]): string {
  draft.weights.push(storeTensor(name, { type: 'float32', dims, data: new Float32Array(elementCount(dims)) }));
  return name;
}
