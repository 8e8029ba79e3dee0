/**
 * Raises a model to operator set 13, the first in which a weight can have one scale for each channel. Most operators mean
 * the same from 7 to 13; some moved attributes to inputs, which is rewritten; a few changed so that it cannot be told.
 */
import { intAttribute, string } from '../../graph/attributes.ts';
import { float32, int64, node as makeNode } from '../../graph/build.ts';
import { storeTensor } from '../../graph/initializer.ts';
import {
  type Attribute,
  type Graph,
  type Model,
  type Node,
  opsetVersion,
  statedValues,
  subgraphsOf,
} from '../../graph/model.ts';
import { type Rule, rewriteModel } from '../../graph/rewrite.ts';
import type { Tensor } from '../../graph/tensor.ts';

export const neededOpset = 13;

/** The file format that came with operator set 13. */
const neededIrVersion = 7;

/** Operator → its attributes that became inputs 1, 2, … by operator set 13. Source: ONNX Changelog. */
const movedAttributes: Readonly<Record<string, readonly string[]>> = {
  Clip: ['min', 'max'],
  Pad: ['pads', 'value'],
  ReduceSum: ['axes'],
  Slice: ['starts', 'ends', 'axes'],
  Split: ['split'],
  Squeeze: ['axes'],
  Unsqueeze: ['axes'],
};

/** Operator → the operator set from which on it means what it means in 13. */
const changedIn: Readonly<Record<string, number>> = {
  BatchNormalization: 9,
  Dropout: 12,
  Hardmax: 13,
  LogSoftmax: 13,
  Scatter: 11,
  Softmax: 13,
  TopK: 11,
};

/** `Squeeze(x) {axes}` ⇒ `Squeeze(x, axes)`, and the like; only where the attributes are there. */
const moveAttributes: Rule = {
  name: 'moveAttributes',
  opTypes: Object.keys(movedAttributes),
  replace(node, { freshName }) {
    const moved = movedAttributes[node.opType] ?? [];
    if (!moved.some((name) => node.attributes.has(name))) return undefined;
    const stored = moved.map((name) => {
      const tensor = tensorOf(node.attributes.get(name));
      return tensor && storeTensor(freshName(`${node.outputs[0]}_${name}`), tensor);
    });
    const attributes = new Map([...node.attributes].filter(([name]) => !moved.includes(name)));
    const inputs = withoutTrailingBlanks([node.inputs[0]!, ...stored.map((tensor) => tensor?.name ?? '')]);
    return { nodes: [{ ...node, inputs, attributes }], initializers: stored.filter((tensor) => tensor !== undefined) };
  },
};

/**
 * `Upsample(x, scales)`, and `Resize(x, scales)` of operator set 10 ⇒ `Resize(x, , scales)`, which from 11 on says what those two meant:
 * positions scaled as they are, rounded down. Source: ONNX Changelog, Upsample-9, Resize-10, Resize-11.
 */
const replaceUpsample: Rule = {
  name: 'replaceUpsample',
  opTypes: ['Upsample', 'Resize'],
  replace(node, { freshName }) {
    if (node.attributes.has('coordinate_transformation_mode')) return undefined;
    const [x = '', input] = node.inputs;
    const attribute = node.attributes.get('scales');
    const values = attribute?.kind === 'floats' ? attribute.value : undefined;
    const stored = values && storeTensor(freshName(`${node.outputs[0]}_scales`), float32([values.length], values));
    const scales = input ?? stored?.name;
    if (scales === undefined) return undefined;
    const mode = node.attributes.get('mode') ?? string('nearest');
    const attributes = {
      mode,
      coordinate_transformation_mode: string('asymmetric'),
      nearest_mode: string('floor'),
    };
    return {
      nodes: [makeNode('Resize', [x, '', scales], node.outputs, attributes, node.name)],
      initializers: stored ? [stored] : [],
    };
  },
};

/** The model in operator set 13 or later; as it is where something in it cannot be raised. */
export function raiseOpset(model: Model): Model {
  const version = opsetVersion(model) ?? neededOpset;
  if (version >= neededOpset || version < 7 || whatKeepsOpset(model)) return model;
  return rewriteModel(
    {
      ...model,
      opsets: new Map([...model.opsets, ['', neededOpset]]),
      irVersion: Math.max(model.irVersion, neededIrVersion),
    },
    version < 11 ? [moveAttributes, replaceUpsample] : [moveAttributes],
  );
}

/** The operator that keeps a model in its old operator set, or undefined. */
export function whatKeepsOpset(model: Model): string | undefined {
  return blockerIn(model.graph, opsetVersion(model) ?? neededOpset);
}

function blockerIn(graph: Graph, version: number): string | undefined {
  const stated = statedValues(graph);
  const blocks = (node: Node) => {
    const since = changedIn[node.opType];
    if (since === undefined || version >= since) return false;
    const rank = stated.get(node.outputs[0]!)?.dims?.length;
    // Before 13, Softmax took everything from its axis on together: the same thing when that is the last axis.
    return !(since === neededOpset && rank !== undefined && [rank - 1, -1].includes(intAttribute(node, 'axis', 1)));
  };
  const inside = graph.nodes.flatMap(subgraphsOf).map((body) => blockerIn(body, version));
  return graph.nodes.find(blocks)?.opType ?? inside.find((blocker) => blocker !== undefined);
}

function tensorOf(attribute: Attribute | undefined): Tensor | undefined {
  if (attribute?.kind === 'ints') return int64([attribute.value.length], attribute.value);
  return attribute?.kind === 'float' ? float32([], [attribute.value]) : undefined;
}

function withoutTrailingBlanks(names: readonly string[]): readonly string[] {
  return names.slice(0, names.findLastIndex((name) => name !== '') + 1);
}
