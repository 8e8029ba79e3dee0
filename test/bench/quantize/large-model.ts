/** Section `large`: a convolutional model of 20 MB on photographs' size. Generated, with seeded weights: only its size matters. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Samples } from '../../../runtime/data/samples.ts';
import { ints } from '../../../runtime/graph/attributes.ts';
import { node } from '../../../runtime/graph/build.ts';
import type { Node } from '../../../runtime/graph/model.ts';
import { encodeModel } from '../../../runtime/graph/save.ts';
import type { Tensor } from '../../../runtime/graph/tensor.ts';
import { hasEnvironment } from '../../peers/environment.ts';
import type { ReferenceRun } from '../../peers/reference.ts';
import { modelFrom, noise } from '../../runtime/quantize/small-models.ts';
import type { BenchRow } from '../sections.ts';
import { calibrationCount } from './bench-case.ts';
import { writeNpyFolder } from './npy-folder.ts';
import { runQuantize } from './octet-process.ts';
import { runOurs, runTheirs, type SharedRecipe, sharedRecipes } from './same-recipe.ts';

const mostSeconds = 180;
const size = 224;

export async function benchLarge(work: string): Promise<BenchRow[]> {
  const modelPath = join(work, 'large.onnx');
  const bytes = largeModel();
  await writeFile(modelPath, bytes);
  const data = await writeNpyFolder(join(work, 'large-data'), imageSamples());
  const run = await runQuantize(modelPath, join(work, 'large.int8.onnx'), ['--recipe', 'static', '--data', data]);
  if (!run.ok) throw new Error(`large model: ${run.reason}`);
  const about = `${(bytes.length / 1e6).toFixed(1)} MB, ${calibrationCount} samples of ${size}×${size}`;
  return [
    { name: `calibrating ${about}`, value: run.wallS, unit: 's', target: '< 180 s', ok: run.wallS < mostSeconds },
    { name: 'its peak memory', value: run.peakBytes / 2 ** 20, unit: 'MiB', target: '(stated)', ok: true },
    ...(await againstReference(modelPath, work)),
  ];
}

/** The reference keeps every activation of every sample for a histogram, 20 MiB a sample, so that more would fill the memory. */
const comparedSamples = 32;

async function againstReference(modelPath: string, work: string): Promise<BenchRow[]> {
  if (!hasEnvironment('venv')) return [];
  const data = await writeNpyFolder(join(work, 'large-few'), { ...imageSamples(), count: comparedSamples });
  const rows: BenchRow[] = [];
  for (const recipe of Object.keys(sharedRecipes) as SharedRecipe[]) {
    const [theirs, ours] = [
      await runTheirs(modelPath, recipe, data, work, comparedSamples),
      await runOurs(modelPath, recipe, data, work),
    ];
    if (theirs && ours.ok) rows.push(...comparedRows(recipe, ours, theirs));
  }
  return rows;
}

function comparedRows(recipe: SharedRecipe, ours: Costs, theirs: Costs): BenchRow[] {
  const name = `large model, ${recipe}, ${comparedSamples} samples`;
  const [peak, time] = [ours.peakBytes / theirs.peakBytes, ours.wallS / theirs.wallS];
  const mebibytes = ({ peakBytes }: Costs) => (peakBytes / 2 ** 20).toFixed(0);
  return [
    {
      ...{ name: `${name}: peak over the reference's`, value: peak, unit: '×', ok: peak <= 0.5 },
      target: `≤ 0.5 (${mebibytes(ours)} of ${mebibytes(theirs)} MiB)`,
    },
    {
      ...{ name: `${name}: time over the reference's`, value: time, unit: '×', ok: time <= 1 },
      target: `≤ 1 (${ours.wallS.toFixed(1)} of ${theirs.wallS.toFixed(1)} s)`,
    },
  ];
}

type Costs = Pick<ReferenceRun, 'peakBytes' | 'wallS'>;

function imageSamples(): Samples {
  const feeds = async (index: number) => ({ x: noise([1, 3, size, size], index + 1) });
  return { count: calibrationCount, labels: undefined, feeds, description: 'seeded noise' };
}

/** Channels of each residual stage; every stage halves the image. 5 million weights in all. */
const stages = [32, 64, 128, 256, 384] as const;

function largeModel(): Uint8Array {
  const weights: Record<string, Tensor> = {};
  const nodes: Node[] = [];
  let [value, channels] = ['x', 3];
  const conv = (input: string, from: number, to: number, kernel: number, stride: number): string => {
    const name = `conv${nodes.length}`;
    weights[`${name}.w`] = heWeights(to, from, kernel, nodes.length + 1);
    weights[`${name}.b`] = noise([to], nodes.length + 1);
    const pad = (kernel - 1) / 2;
    const attributes = { pads: ints([pad, pad, pad, pad]), strides: ints([stride, stride]) };
    nodes.push(node('Conv', [input, `${name}.w`, `${name}.b`], [name], attributes, name));
    return name;
  };
  const then = (opType: string, ...inputs: string[]): string => {
    const name = `${opType.toLowerCase()}${nodes.length}`;
    nodes.push(node(opType, inputs, [name], {}, name));
    return name;
  };
  for (const to of stages) {
    const entry = then('Relu', conv(value, channels, to, 3, 2));
    const inner = then('Relu', conv(entry, to, to, 3, 1));
    value = then('Relu', then('Add', conv(inner, to, to, 3, 1), entry));
    channels = to;
  }
  weights.classes = noise([channels, 10], 99);
  nodes.push(node('MatMul', [then('Flatten', then('GlobalAveragePool', value)), 'classes'], ['y'], {}, 'classify'));
  return encodeModel(modelFrom(nodes, [1, 3, size, size], weights));
}

/** Uniform with the variance that keeps activations level through Relu. Source: He et al. 2015, eq. 10. */
function heWeights(to: number, from: number, kernel: number, seed: number): Tensor<'float32'> {
  const tensor = noise([to, from, kernel, kernel], seed);
  const limit = Math.sqrt(6 / (from * kernel * kernel));
  return { ...tensor, data: tensor.data.map((value) => value * limit) };
}
