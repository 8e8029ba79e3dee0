/**
 * Layer-wise reconstruction: which weights to round up and which down, so that the errors cancel in the layer's output
 * instead of each being small alone. Minimises (q·s − w)ᵀ E[x·xᵀ] (q·s − w) for each output channel by trying one weight at a time
 * (coordinate descent); no gradients, no labels. The idea: Nagel et al. 2020, Up or Down?; the objective: Frantar et al. 2022, OBQ.
 */
import { evenly, type Samples } from '../../data/samples.ts';
import type { Graph, Model } from '../../graph/model.ts';
import { type Gram, type GramMeter, gramMeter } from './gram.ts';
import { type Layer, layersOf, weightsOf, withWeights } from './layers.ts';
import { type StreamOptions, streamValues } from './stream-values.ts';
import { type GridChoice, gridScales } from './weight-grid.ts';

/** Times 24 columns each: enough for layers a thousand wide. */
const maxSamples = 256;
/** Added to the diagonal as a share of its mean: what the few columns say about directions they hardly have is noise. */
const damping = 0.01;
/** Each sweep keeps less than half of the improvement of the one before. */
const maxSweeps = 12;

/** @returns the model with the chosen layers' weights on their grid; layers too wide for it stay. Opens a session. */
export async function reconstructWeights(
  model: Model,
  grid: GridChoice,
  samples: Samples,
  isChosen: (node: string) => boolean,
  options: StreamOptions = {},
): Promise<Model> {
  const layers = layersOf(model.graph).filter(({ node }) => isChosen(node.name));
  const meters = layers.map((layer) => ({ layer, meter: gramMeter(layer) }));
  const byInput = new Map<string, GramMeter[]>();
  for (const { layer, meter } of meters)
    if (meter) byInput.set(layer.input, [...(byInput.get(layer.input) ?? []), meter]);
  const few = evenly(samples, maxSamples);
  const feed = (name: string, value: Parameters<GramMeter['add']>[0]) => {
    for (const meter of byInput.get(name) ?? []) meter.add(value);
  };
  await streamValues(model, [...byInput.keys()], few, feed, options);
  const graph = meters.reduce((current, { layer, meter }) => {
    options.signal?.throwIfAborted();
    return meter ? reconstructLayer(current, layer, meter.gram(), grid) : current;
  }, model.graph);
  return { ...model, graph };
}

export function reconstructLayer(graph: Graph, layer: Layer, gram: Gram, grid: GridChoice): Graph {
  const values = weightsOf(graph, layer).data;
  const scales = gridScales(values, layer, grid);
  const rows = rowsOf(layer, gram.size);
  const rounded = new Float32Array(values.length);
  const damped = gram.groups.map((matrix) => withDamping(matrix, gram.size));
  for (const [output, indices] of rows.entries()) {
    const weights = Float64Array.from(indices, (index) => values[index]!);
    const group = Math.floor((output * layer.groups) / layer.outputs);
    const integers = chooseRounding(weights, scales[output]!, damped[group]!, grid.steps);
    for (const [i, index] of indices.entries()) rounded[index] = integers[i]! * scales[output]!;
  }
  return withWeights(graph, layer, rounded);
}

/**
 * The integers of one output channel. What rounds to the end of the grid stays there: the largest weight defines the scale.
 * @param matrix E[x·xᵀ], [n, n] for n weights.
 */
export function chooseRounding(
  weights: Float64Array,
  scale: number,
  matrix: Float64Array,
  steps: number,
): Float64Array {
  const integers = weights.map((w) => Math.min(Math.max(Math.round(w / scale), -steps), steps));
  const slope = slopeOf(
    integers.map((q, i) => q * scale - weights[i]!),
    matrix,
  );
  const size = weights.length;
  for (let sweep = 0; sweep < maxSweeps; sweep++) {
    let moves = 0;
    for (let i = 0; i < size; i++) {
      const q = integers[i]!;
      if (Math.abs(q) === steps) continue;
      // Only the two neighbours of the exact value: further off would trust the data more than the weights.
      const other = weights[i]! > q * scale ? q + 1 : q - 1;
      const isNeighbour = Math.abs(other * scale - weights[i]!) < scale;
      const delta = (other - q) * scale;
      const change = 2 * delta * slope[i]! + delta * delta * matrix[i * size + i]!;
      if (!isNeighbour || Math.abs(other) === steps || change >= -1e-12 * matrix[i * size + i]! * scale * scale)
        continue;
      integers[i] = other;
      for (let j = 0; j < size; j++) slope[j]! += delta * matrix[i * size + j]!;
      moves += 1;
    }
    if (moves === 0) break;
  }
  return integers;
}

/** matrix · error: half the gradient. */
function slopeOf(error: Float64Array, matrix: Float64Array): Float64Array {
  const size = error.length;
  return error.map((_, i) => {
    let sum = 0;
    for (let j = 0; j < size; j++) sum += matrix[i * size + j]! * error[j]!;
    return sum;
  });
}

function withDamping(matrix: Float64Array, size: number): Float64Array {
  let trace = 0;
  for (let i = 0; i < size; i++) trace += matrix[i * size + i]!;
  const damped = matrix.slice();
  for (let i = 0; i < size; i++) damped[i * size + i]! += (damping * trace) / size;
  return damped;
}

/** For each output channel its weights' indices, in the order of the layer's input columns. */
function rowsOf({ outputs, dims, outputOf }: Layer, size: number): readonly Int32Array[] {
  const rows = Array.from({ length: outputs }, () => new Int32Array(size));
  const filled = new Int32Array(outputs);
  const count = dims.reduce((product, each) => product * each, 1);
  for (let index = 0; index < count; index++) {
    const output = outputOf(index);
    rows[output]![filled[output]!] = index;
    filled[output]! += 1;
  }
  return rows;
}
