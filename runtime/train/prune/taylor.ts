/**
 * How much the loss would change without a channel, to first order: the derivative with respect to a gate on the channel, which is
 * the sum of gradient × value over it. Squared and averaged over samples. Source: Molchanov et al. 2019.
 *
 * Where the model is its own teacher the loss is at its least and the derivative nothing. The labels are then drawn from what the
 * model itself answers: the mean square is the Fisher information, and so the second-order change of the model's answers.
 */
import type { Samples } from '../../data/samples.ts';
import { openModel } from '../../engine/open-model.ts';
import { stridesOf } from '../../graph/broadcast.ts';
import { valueInfo } from '../../graph/build.ts';
import { type Model, opsetVersion } from '../../graph/model.ts';
import type { Tensor } from '../../graph/tensor.ts';
import { untyped } from '../../quantize/exposed-session.ts';
import { gradient } from '../gradient/gradient.ts';
import { logitsOf } from '../step/losses.ts';
import { graphWriter } from '../writer.ts';
import type { Coupling } from './coupling/couple-channels.ts';
import { channelCount } from './importance.ts';
import { randomFrom } from './random.ts';

export type TaylorOptions = {
  /** Whether the first output scores classes; otherwise it is a quantity. */
  readonly classifies: boolean;
  readonly seed: number;
  readonly signal?: AbortSignal;
};

/**
 * Two runs for each sample. Opens two sessions.
 * @param coupling of the same graph, from shapes of a batch of one.
 * @throws MODEL_UNSUPPORTED naming an operator without a gradient; the signal's reason.
 */
export async function taylorImportance(
  model: Model,
  coupling: Coupling,
  samples: Samples,
  { classifies, seed, signal }: TaylorOptions,
): Promise<Float64Array> {
  const output = classifies ? logitsOf(model.graph, model.graph.outputs[0]!.name) : model.graph.outputs[0]!.name;
  const differentiated = gateGradients(model, coupling, output);
  await using forward = await opened(withOutputs(model, [output]));
  await using backward = await opened(differentiated.model);
  const random = randomFrom(seed);
  const squares = new Float64Array(channelCount(coupling));
  const wanted = [...differentiated.gradients].flat();
  for (let index = 0; index < samples.count; index++) {
    signal?.throwIfAborted();
    const feeds = await samples.feeds(index);
    const answer = (await forward.session.run(feeds, [output]))[output] as Tensor<'float32'>;
    const slope = classifies
      ? slopeOfClass(answer, samples.labels?.[index] ?? -1, random)
      : slopeOfQuantity(answer, random);
    const values = await backward.session.run({ ...feeds, [differentiated.slope]: slope }, wanted);
    addSquares(squares, coupling, differentiated.gradients, values);
  }
  return squares.map((sum) => sum / Math.max(1, samples.count));
}

async function opened(model: Model) {
  const session = await openModel(model);
  return { session, [Symbol.asyncDispose]: () => session.close() };
}

type Differentiated = {
  readonly model: Model;
  /** The input that takes dL/d(output). */
  readonly slope: string;
  /** Each layer's output → its gradient. */
  readonly gradients: ReadonlyMap<string, string>;
};

/** L = Σ slope · output, so that one graph serves every loss. */
function gateGradients(model: Model, coupling: Coupling, output: string): Differentiated {
  const values = coupling.layers.map((layer) => layer.output);
  const write = graphWriter(model.graph, 'taylor');
  const slope = write.fresh('taylor/slope');
  const loss = write.op('Mul', [output, slope]);
  const shapes = new Map([
    ...coupling.shapes,
    ...[slope, loss].map((name) => [name, coupling.shapes.get(output)!] as const),
  ]);
  const { graph, gradients } = gradient(write.graph(), loss, values, shapes);
  const inputs = [...graph.inputs, valueInfo(slope, 'float32')];
  const asked = [...new Set([...gradients].flat())];
  return { slope, gradients, model: withOutputs({ ...raised(model), graph: { ...graph, inputs } }, asked) };
}

function withOutputs(model: Model, names: readonly string[]): Model {
  return { ...model, graph: { ...model.graph, outputs: names.map(untyped) } };
}

/** Gradients are written in operator set 17; what a prepared model uses of 13 to 16 means the same there. */
function raised(model: Model): Model {
  const version = Math.max(17, opsetVersion(model) ?? 17);
  return { ...model, irVersion: Math.max(8, model.irVersion), opsets: new Map([...model.opsets, ['', version]]) };
}

/** Of cross-entropy: p − onehot. */
function slopeOfClass({ dims, data }: Tensor<'float32'>, label: number, random: () => number): Tensor<'float32'> {
  const probabilities = softmax(data);
  const chosen = label >= 0 ? label : drawn(probabilities, random);
  const slope = Float32Array.from(probabilities, (p, at) => p - (at === chosen ? 1 : 0));
  return { type: 'float32', dims, data: slope };
}

function softmax(scores: Float32Array): Float64Array {
  const most = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const powers = Float64Array.from(scores, (score) => Math.exp(score - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

function drawn(probabilities: Float64Array, random: () => number): number {
  let left = random();
  const at = probabilities.findIndex((p) => {
    left -= p;
    return left < 0;
  });
  return at < 0 ? probabilities.length - 1 : at;
}

/** Of −log N(y; output, 1) with y drawn from it: standard normal. Source: Box and Muller 1958. */
function slopeOfQuantity({ dims, data }: Tensor<'float32'>, random: () => number): Tensor<'float32'> {
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return { type: 'float32', dims, data: data.map(normal) };
}

function addSquares(
  squares: Float64Array,
  coupling: Coupling,
  gradients: ReadonlyMap<string, string>,
  values: Readonly<Record<string, Tensor>>,
): void {
  const sums = new Float64Array(squares.length);
  for (const { output, axis } of coupling.layers) {
    const name = gradients.get(output);
    if (name === undefined) continue;
    const [{ dims, data }, slope] = [values[output]!, values[name]!.data as Float32Array];
    const [stride, labels] = [stridesOf(dims)[axis]!, coupling.labels.get(output)![axis]!];
    for (let index = 0; index < slope.length; index++) {
      const channel = labels[Math.floor(index / stride) % labels.length]!;
      if (channel >= 0) sums[channel]! += slope[index]! * (data as Float32Array)[index]!;
    }
  }
  sums.forEach((sum, channel) => {
    squares[channel]! += sum * sum;
  });
}
