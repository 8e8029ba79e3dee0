/**
 * Training without labels for few bits, against a plain implementation in PyTorch on the same model, data and number of steps
 * (straight-through estimator, ranges from the extremes, Adam 1e-3 with cosine decay, batches of 64, the float model as teacher;
 * ../shared/data/README.md). Accuracy is that of the simulation on the 10,000 test images.
 */
import { join } from 'node:path';
import type { Samples } from '../../../runtime/data/samples.ts';
import type { Model } from '../../../runtime/graph/model.ts';
import { prepareModel } from '../../../runtime/quantize/prepare/prepare.ts';
import { type QatRecipe, qatSchema } from '../../../runtime/quantize/recipe.ts';
import { trainSimulation } from '../../../runtime/train/qat/train-quantised.ts';
import { countRight } from '../../../runtime/train/scratch/count-right.ts';
import type { BenchRow } from '../sections.ts';
import { fashion, hasFashion } from './fashion.ts';

type Setting = {
  readonly name: string;
  readonly recipe: Partial<QatRecipe>;
  /** Per cent: after rounding alone, and what PyTorch reaches with 512 and with 5,000 images. */
  readonly rounded: number;
  readonly peers: { readonly 512: number; readonly 5000: number };
};

const floatAccuracy = 90.51;

const settings: readonly Setting[] = [
  { name: '8,8 per channel', recipe: {}, rounded: 90.43, peers: { 512: 90.33, 5000: 90.37 } },
  { name: '8,8 per tensor', recipe: { perChannel: false }, rounded: 90.23, peers: { 512: 90.26, 5000: 90.25 } },
  { name: '4,8 per channel', recipe: { weightBits: 4 }, rounded: 89.2, peers: { 512: 90.09, 5000: 90.12 } },
  {
    name: '4,8 per tensor',
    recipe: { weightBits: 4, perChannel: false },
    rounded: 23.39,
    peers: { 512: 81.22, 5000: 84.46 },
  },
  { name: '8,6 per channel', recipe: { activationBits: 6 }, rounded: 89.83, peers: { 512: 90.05, 5000: 90.13 } },
  { name: '8,4 per channel', recipe: { activationBits: 4 }, rounded: 71.24, peers: { 512: 84.44, 5000: 86.35 } },
  {
    name: '4,4 per channel',
    recipe: { weightBits: 4, activationBits: 4 },
    rounded: 65.08,
    peers: { 512: 83.5, 5000: 85.69 },
  },
];

/** Images, steps, and what the steps are: all towards the outputs, or layers first and then as many again. */
const schedules = [
  { images: 512, steps: 96, layers: 0 },
  { images: 5000, steps: 234, layers: 0 },
  { images: 5000, steps: 234, layers: 234 },
] as const;

const modelPath = join(import.meta.dirname, '../../../../shared/data/fashion/dscnn.onnx');

/** @param words `512` or `5000` choose a data set, `layers` or `plain` a schedule; others choose settings by their name. */
export async function benchQat(words: readonly string[]): Promise<readonly BenchRow[]> {
  if (!hasFashion) return [];
  const model = await prepareModel(modelPath);
  const test = fashion('t10k');
  const rows: BenchRow[] = [];
  for (const setting of settings.filter(({ name }) => isWanted(words, name)))
    for (const schedule of schedules.filter((each) => fits(words, each)))
      rows.push(...(await rowsOf(model, test, setting, schedule)));
  return rows;
}

type Schedule = (typeof schedules)[number];

async function rowsOf(model: Model, test: Samples, setting: Setting, schedule: Schedule): Promise<BenchRow[]> {
  const { images, steps, layers } = schedule;
  const samples = { ...fashion('train', images), labels: undefined };
  const recipe = qatSchema.parse({ kind: 'qat', steps, reconstructionSteps: layers, ...setting.recipe });
  const started = performance.now();
  const trained = await trainSimulation(model, samples, recipe, { task: 'classify' });
  if (!('simulated' in trained)) throw new Error(trained.reason);
  const seconds = (performance.now() - started) / 1000;
  const { right, of } = await countRight(trained.simulated, test, { 'session.disable_quant_qdq': '1' });
  const value = (100 * right) / of;
  const peer = setting.peers[images];
  const lost = floatAccuracy - setting.rounded;
  const recovered = (100 * (value - setting.rounded)) / lost;
  const name = `${setting.name}, ${images} images, ${layers > 0 ? `${layers} steps by layer, ` : ''}${steps} steps (${seconds.toFixed(0)} s)`;
  return [
    { name, value, unit: '%', target: `≥ ${peer} (PyTorch)`, ok: value >= peer },
    ...(lost > 0.5
      ? [{ name: '  of the loss recovered', value: recovered, unit: '%', target: '≥ 80', ok: recovered >= 80 }]
      : [
          {
            name: '  lost against float32',
            value: floatAccuracy - value,
            unit: 'points',
            target: '≤ 0.2',
            ok: floatAccuracy - value <= 0.2,
          },
        ]),
  ];
}

function isWanted(words: readonly string[], name: string): boolean {
  const names = words.filter((word) => !['512', '5000', 'layers', 'plain'].includes(word));
  return names.length === 0 || names.some((word) => name.includes(word));
}

function fits(words: readonly string[], { images, layers }: Schedule): boolean {
  const sets = words.filter((word) => word === '512' || word === '5000');
  if (sets.length > 0 && !sets.includes(`${images}`)) return false;
  if (words.includes('layers')) return layers > 0;
  return !words.includes('plain') || layers === 0;
}
