/**
 * One step of training as one graph: forward, loss, gradient, clipping, optimiser. What changes from step to step (weights, the
 * optimiser's slots, running statistics) goes in as inputs and comes out as outputs of the same shape, which the caller
 * keeps in two sets of buffers and swaps, so that nothing is copied.
 */
import { OctetError } from '../../base/errors.ts';
import { node as makeNode, valueInfo } from '../../graph/build.ts';
import { constantTensor } from '../../graph/initializer.ts';
import { type Graph, type Model, type Node, opsetVersion } from '../../graph/model.ts';
import { removeUnusedIn } from '../../graph/remove-unused.ts';
import { elementCount, type Feeds, type Tensor } from '../../graph/tensor.ts';
import { modelInputs } from '../../quantize/prepare/prepare.ts';
import { gradient } from '../gradient/gradient.ts';
import { unrollRecurrent } from '../recurrent/unroll.ts';
import { graphWriter, type Writer } from '../writer.ts';
import { type LossTerm, targetOf, writeLoss } from './losses.ts';
import { type Optimizer, type OptimizerForm, optimizerForm } from './optimizers.ts';
import type { Parameter } from './parameters.ts';
import { shapesOf } from './shapes-of.ts';

export type StepChoice = {
  readonly parameters: readonly Parameter[];
  readonly terms: readonly LossTerm[];
  readonly optimizer: Optimizer;
  /** Gradients are shortened together to at most this length; undefined leaves them. */
  readonly clipNorm?: number;
  /** Initializers that are not learned but computed anew at each step (running averages), with the values that replace them. */
  readonly running?: ReadonlyMap<string, string>;
};

/** A tensor that goes in as `name` and comes out, changed, as `next`. */
export type StateTensor = { readonly name: string; readonly next: string; readonly initial: Tensor<'float32'> };

export type TrainStep = {
  readonly model: Model;
  /** Weights first, under their own names; then what the optimiser keeps. */
  readonly state: readonly StateTensor[];
  /** Names of the state that are weights of the model. */
  readonly weights: readonly string[];
  /** Forward and loss alone, with the weights inside: for looking where a value went wrong. */
  readonly forward: Model;
  /** Scalars to feed at a step, counted from 1. */
  scalars(step: number, rate: number): Feeds;
  /** Outputs: the loss before the step, and the gradient's length (before clipping). */
  readonly loss: 'loss';
  readonly gradientNorm: 'gradient_norm';
};

const rateInput = 'learning_rate';
/** The first operator set whose ScatterElements adds and that has LayerNormalization; 13 to 17 mean the same otherwise. */
const neededOpset = 17;

/**
 * @param model prepared (quantize/prepare); @param feeds one batch, whose sizes the step is built for.
 * @throws MODEL_UNSUPPORTED for what has no gradient, a loss that no parameter moves, or an operator set below 13.
 * Opens a session.
 */
export async function buildStep(model: Model, feeds: Feeds, choice: StepChoice): Promise<TrainStep> {
  const folded = withOpset(model);
  const outer = await shapesOf(withBatch(folded, feeds), feeds);
  const raised = { ...folded, graph: unrollRecurrent(folded.graph, shapeIn(folded.graph, outer)) };
  const inner = raised.graph === folded.graph ? outer : await shapesOf(withBatch(raised, feeds), feeds);
  const losing = addLoss(raised.graph, choice.terms, shapeIn(raised.graph, inner));
  const forward = withBatch({ ...raised, graph: losing.graph }, { ...feeds, ...targetsLike(choice.terms, inner) });
  const shapes = await shapesOf(forward, { ...feeds, ...targetsLike(choice.terms, inner) });
  const names = choice.parameters.map(({ name }) => name);
  const differentiated = gradient(forward.graph, losing.loss, names, shapes);
  const moved = choice.parameters.filter(({ name }) => differentiated.gradients.has(name));
  if (moved.length === 0) throw nothingMoves(model);
  const form = optimizerForm(choice.optimizer);
  const written = writeUpdates(differentiated.graph, { ...choice, parameters: moved }, form, differentiated.gradients);
  const graph = withState(written, losing.loss, form);
  return {
    model: { ...forward, graph },
    state: written.state,
    weights: [...moved.map(({ name }) => name), ...(choice.running?.keys() ?? [])],
    forward,
    scalars: (step, rate) => scalarsOf(form, step, rate),
    loss: 'loss',
    gradientNorm: 'gradient_norm',
  };
}

function scalarsOf(form: OptimizerForm, step: number, rate: number): Feeds {
  const all = { [rateInput]: rate, ...form.scalars(step) };
  const entries = Object.entries(all).map(([name, value]) => [name, scalar(value)] as const);
  return Object.fromEntries(entries);
}

function scalar(value: number): Tensor<'float32'> {
  return { type: 'float32', dims: [], data: Float32Array.of(value) };
}

function withOpset(model: Model): Model {
  const version = opsetVersion(model) ?? 0;
  if (version < 13)
    throw new OctetError('MODEL_UNSUPPORTED', `${model.origin}: expected operator set 13 or later, got ${version}`, {
      hint: 'Export the model again with opset_version=17.',
    });
  return { ...model, opsets: new Map([...model.opsets, ['', Math.max(version, neededOpset)] as const]) };
}

/** Inputs with the sizes of this batch. */
function withBatch(model: Model, feeds: Feeds): Model {
  const known = new Map(modelInputs(model).map((input) => [input.name, input]));
  const inputs = Object.entries(feeds).map(([name, { type, dims }]) => ({
    ...(known.get(name) ?? valueInfo(name, type)),
    type,
    dims: [...dims],
  }));
  return { ...model, graph: { ...model.graph, inputs } };
}

function shapeIn(graph: Graph, shapes: ReadonlyMap<string, readonly number[]>) {
  return (name: string): readonly number[] => {
    const dims = shapes.get(name) ?? graph.initializers.get(name)?.dims;
    if (dims) return dims;
    throw new OctetError('MODEL_UNSUPPORTED', `loss: expected a value of the model, got "${name}"`);
  };
}

function targetsLike(terms: readonly LossTerm[], shapes: ReadonlyMap<string, readonly number[]>): Feeds {
  return Object.fromEntries(
    terms.map((term) => {
      const dims = shapes.get(term.value) ?? [];
      return [targetOf(term), { type: 'float32', dims, data: new Float32Array(elementCount(dims)) } as Tensor];
    }),
  );
}

function addLoss(graph: Graph, terms: readonly LossTerm[], shape: (name: string) => readonly number[]) {
  const write = graphWriter(graph, 'loss');
  const loss = writeLoss(write, terms, shape);
  return { graph: { ...write.graph(), outputs: [valueInfo(loss, 'float32', [])] }, loss };
}

type Written = { readonly graph: Graph; readonly state: readonly StateTensor[]; readonly norm: string };

function writeUpdates(
  graph: Graph,
  { parameters, clipNorm, running = new Map() }: StepChoice,
  form: OptimizerForm,
  gradients: ReadonlyMap<string, string>,
): Written {
  const write = graphWriter(graph, 'step');
  const norm = normOf(
    write,
    parameters.map(({ name }) => gradients.get(name)!),
  );
  const shortening = clipNorm === undefined ? undefined : shorten(write, norm, clipNorm);
  const weights: StateTensor[] = [];
  const slots: StateTensor[] = [];
  for (const parameter of parameters) {
    const { name, decays, mask } = parameter;
    const initial = constantTensor(graph, name) as Tensor<'float32'>;
    const own = form.slots.map((slot) => `${name}/${slot}`);
    const gradientName = gradients.get(name)!;
    const updated = form.write(write, {
      weight: name,
      gradient: shortening ? write.op('Mul', [gradientName, shortening]) : gradientName,
      slots: own,
      rate: write.scale(rateInput, parameter.rate ?? 1),
      scalar: (scalarName) => scalarName,
      decays,
    });
    const next = mask ? write.op('Mul', [updated.weight, write.constant(mask)]) : updated.weight;
    weights.push({ name, next, initial: mask ? masked(initial, mask) : initial });
    for (const [i, slot] of own.entries())
      slots.push({ name: slot, next: updated.slots[i]!, initial: zerosLike(initial) });
  }
  const averages = [...running].map(([name, next]) => ({
    name,
    next,
    initial: constantTensor(graph, name) as Tensor<'float32'>,
  }));
  return { graph: write.graph(), state: [...weights, ...averages, ...slots], norm };
}

/** √ Σ g² over all of them. */
function normOf(write: Writer, gradients: readonly string[]): string {
  const squares = gradients.map((name) =>
    write.op('ReduceSumSquare', [name], { keepdims: { kind: 'int', value: 0n } }),
  );
  return write.op('Sqrt', [squares.length === 1 ? squares[0]! : write.op('Sum', squares)]);
}

/** min(1, limit / norm). */
function shorten(write: Writer, norm: string, limit: number): string {
  return write.op('Div', [write.float(limit), write.op('Max', [norm, write.float(limit)])]);
}

function masked({ dims, data }: Tensor<'float32'>, mask: Tensor<'float32'>): Tensor<'float32'> {
  return { type: 'float32', dims, data: data.map((value, i) => value * mask.data[i]!) };
}

function zerosLike({ dims, data }: Tensor<'float32'>): Tensor<'float32'> {
  return { type: 'float32', dims, data: new Float32Array(data.length) };
}

/** The state as inputs and outputs. Whatever name the new values have in the graph, outputs need one each of their own. */
function withState({ graph, state, norm }: Written, loss: string, form: OptimizerForm): Graph {
  const names = new Set(state.map(({ name }) => name));
  const scalars = [rateInput, ...Object.keys(form.scalars(1))];
  const inputs = [
    ...graph.inputs,
    ...scalars.map((name) => valueInfo(name, 'float32', [])),
    ...state.map(({ name, initial }) => valueInfo(name, 'float32', initial.dims)),
  ];
  const copies: Node[] = [makeNode('Identity', [loss], ['loss']), makeNode('Identity', [norm], ['gradient_norm'])];
  const outputs = [
    valueInfo('loss', 'float32', []),
    valueInfo('gradient_norm', 'float32', []),
    ...state.map(({ next, initial }) => valueInfo(next, 'float32', initial.dims)),
  ];
  const initializers = new Map([...graph.initializers].filter(([name]) => !names.has(name)));
  return removeUnusedIn({ ...graph, nodes: [...graph.nodes, ...copies], inputs, outputs, initializers });
}

function nothingMoves({ origin }: Model): OctetError {
  return new OctetError('MODEL_UNSUPPORTED', `${origin}: expected weights that the loss depends on, got none`, {
    hint: 'octet inspect lists the operators; weights that are computed, or integers, cannot be trained.',
  });
}
