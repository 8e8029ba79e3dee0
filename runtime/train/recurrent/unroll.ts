/**
 * Recurrent layers written out step by step, so that they have a gradient like anything else: LSTM(X; W, R, B) ⇒ for each step
 * products, sums and activation functions. What such a node computes stays the same; the graph grows with the sequence.
 * Source: ONNX LSTM-14, GRU-14.
 */
import { OctetError } from '../../base/errors.ts';
import { int, intAttribute, stringAttribute } from '../../graph/attributes.ts';
import { node as makeNode } from '../../graph/build.ts';
import type { Graph, Node } from '../../graph/model.ts';
import { graphWriter, type Writer } from '../writer.ts';
import { type Cell, type CellStep, gruStep, lstmStep, type States } from './cells.ts';

type Kind = {
  readonly gates: number;
  readonly states: number;
  readonly functions: readonly string[];
  readonly step: CellStep;
};

const kinds: Readonly<Record<string, Kind>> = {
  LSTM: { gates: 4, states: 2, functions: ['Sigmoid', 'Tanh', 'Tanh'], step: lstmStep },
  GRU: { gates: 3, states: 1, functions: ['Sigmoid', 'Tanh'], step: gruStep },
};

/**
 * @param shape of the values that recurrent nodes read.
 * @throws MODEL_UNSUPPORTED for peepholes, clipping, coupled gates, a length for each sequence, or batches first.
 */
export function unrollRecurrent(graph: Graph, shape: (name: string) => readonly number[]): Graph {
  if (!graph.nodes.some(isRecurrent)) return graph;
  const write = graphWriter(graph, 'unrolled', true);
  for (const node of graph.nodes) {
    if (isRecurrent(node)) unroll(write, node, shape);
    else write.append(node);
  }
  return write.graph();
}

export function isRecurrent({ opType, domain }: Node): boolean {
  return domain === '' && opType in kinds;
}

/** One direction's states at each step, in the order of time. */
type Run = readonly States[];

function unroll(write: Writer, node: Node, shape: (name: string) => readonly number[]): void {
  const kind = kinds[node.opType]!;
  refuseVariants(node);
  const [x, , r] = node.inputs as [string, string, string];
  const [steps, batch] = shape(x) as [number, number];
  const hidden = shape(r).at(-1)!;
  const runs = directionsOf(node).map((isReverse, direction): Run => {
    const cell = readCell(write, node, kind, hidden, direction);
    const product = write.op('MatMul', [x, cell.w]);
    const projected = cell.inputBias ? write.op('Add', [product, cell.inputBias]) : product;
    const parts =
      steps === 1 ? [projected] : write.ops('Split', [projected, write.ints(new Array(steps).fill(1))], {}, steps);
    const order = isReverse ? parts.toReversed() : parts;
    let states: States = Array.from({ length: kind.states }, (_, i) =>
      initialState(write, node.inputs[5 + i], direction, [batch, hidden]),
    );
    const run = order.map((part) => {
      states = kind.step(cell, write.reshape(part, [batch, kind.gates * hidden]), states);
      return states;
    });
    return isReverse ? run.toReversed() : run;
  });
  writeOutputs(write, node, runs, [batch, hidden]);
}

/** Y [steps, directions, batch, hidden], then the last states [directions, batch, hidden]. */
function writeOutputs(write: Writer, node: Node, runs: readonly Run[], [batch, hidden]: [number, number]): void {
  const stack = (values: readonly string[], dims: readonly number[], axis: number) => {
    const parts = values.map((value) => write.reshape(value, dims));
    return parts.length === 1 ? parts[0]! : write.op('Concat', parts, { axis: int(axis) });
  };
  const [all, ...last] = node.outputs;
  if (all) {
    const tracks = runs.map((run) =>
      stack(
        run.map(([h]) => h!),
        [1, 1, batch, hidden],
        0,
      ),
    );
    const joined = tracks.length === 1 ? tracks[0]! : write.op('Concat', tracks, { axis: int(1) });
    write.append(makeNode('Identity', [joined], [all]));
  }
  const reverse = directionsOf(node);
  for (const [i, name] of last.entries()) {
    if (!name) continue;
    const ends = runs.map((run, direction) => (reverse[direction] ? run[0]! : run.at(-1)!)[i]!);
    write.append(makeNode('Identity', [stack(ends, [1, batch, hidden], 0)], [name]));
  }
}

/** Whether each direction reads backwards. */
function directionsOf(node: Node): readonly boolean[] {
  const word = stringAttribute(node, 'direction', 'forward');
  if (word === 'bidirectional') return [false, true];
  return [word === 'reverse'];
}

function readCell(write: Writer, node: Node, { gates, functions }: Kind, hidden: number, direction: number): Cell {
  const [, w, r, b] = node.inputs as [string, string, string, string | undefined];
  const width = gates * hidden;
  const own = (name: string) => {
    const part = write.op('Slice', [name, write.ints([direction]), write.ints([direction + 1]), write.ints([0])]);
    return write.op('Squeeze', [part, write.ints([0])]);
  };
  const half = (from: number) =>
    b ? write.op('Slice', [own(b), write.ints([from]), write.ints([from + width]), write.ints([0])]) : undefined;
  return {
    write,
    hidden,
    gates,
    functions: functionsOf(node, functions, direction),
    w: write.transpose(own(w), [1, 0]),
    r: write.transpose(own(r), [1, 0]),
    inputBias: half(0),
    stateBias: half(width),
    resetsAfter: intAttribute(node, 'linear_before_reset', 0) !== 0,
  };
}

/** Operators' names are those of activation functions. */
function functionsOf(node: Node, absent: readonly string[], direction: number): readonly string[] {
  const attribute = node.attributes.get('activations');
  if (attribute?.kind !== 'strings') return absent;
  const names = attribute.value.map((bytes) => new TextDecoder().decode(bytes));
  return names.slice(direction * absent.length, (direction + 1) * absent.length);
}

function initialState(write: Writer, name: string | undefined, direction: number, dims: readonly number[]): string {
  if (!name) return write.op('ConstantOfShape', [write.ints(dims)]);
  const part = write.op('Slice', [name, write.ints([direction]), write.ints([direction + 1]), write.ints([0])]);
  return write.reshape(part, dims);
}

const known: ReadonlySet<string> = new Set(['Sigmoid', 'Tanh', 'Relu']);

function refuseVariants(node: Node): void {
  const names = functionsOf(node, ['', '', ''], 0);
  const odd = [
    node.inputs[4] && 'a length for each sequence',
    node.inputs[7] && 'peepholes',
    node.attributes.has('clip') && 'clipping',
    intAttribute(node, 'input_forget', 0) !== 0 && 'coupled gates',
    intAttribute(node, 'layout', 0) !== 0 && 'batches first',
    names.some((name) => name && !known.has(name)) && `the activation functions ${names.join(', ')}`,
  ].filter(Boolean);
  if (odd.length === 0) return;
  throw new OctetError(
    'MODEL_UNSUPPORTED',
    `training: node "${node.name}" (${node.opType}): expected a plain layer, got one with ${odd.join(', ')}`,
    { hint: 'Train only what comes after it, or quantise without training: --recipe dynamic.' },
  );
}
