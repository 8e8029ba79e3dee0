/** One case of the fuzz: damage a model, load it, quantise it by some recipe, run the result. */
import { writeFile } from 'node:fs/promises';
import { OctetError } from '../../runtime/base/errors.ts';
import type { Samples } from '../../runtime/data/samples.ts';
import { openSession } from '../../runtime/engine/session.ts';
import type { ValueInfo } from '../../runtime/graph/model.ts';
import { encodeModel } from '../../runtime/graph/save.ts';
import { elementCount, elementTypes, type Feeds, type Tensor } from '../../runtime/graph/tensor.ts';
import { modelInputs, prepareModel } from '../../runtime/quantize/prepare/prepare.ts';
import { speedRewriteNames } from '../../runtime/quantize/prepare/speed-rewrite-names.ts';
import { rewriteForSpeed } from '../../runtime/quantize/prepare/speed-rewrites.ts';
import { buildVariant, observeFor } from '../../runtime/quantize/quantize.ts';
import { type Recipe, recipeSchema } from '../../runtime/quantize/recipe.ts';
import { mutate, type Random, randomFrom } from './mutate.ts';
import { seedModels } from './seed-models.ts';

/** What became of a case: a model, a code of the catalogue, or what must never be. */
export type Verdict =
  | { readonly kind: 'quantized' | 'nothing to do' }
  | { readonly kind: 'refused'; readonly code: string }
  | { readonly kind: 'broken'; readonly what: string };

const recipes: readonly Recipe[] = [
  { kind: 'static' },
  { kind: 'static', format: 'qoperator', activation: 'int8' },
  { kind: 'static', target: 'tensorrt' },
  { kind: 'static', activation: 'int16', perChannel: false, observer: 'mse' },
  { kind: 'static', reduceRange: true, equalize: true, weightRange: 'mse', biasCorrection: true },
  { kind: 'dynamic' },
  { kind: 'weight-only', bits: 4, unpacked: true },
].map((recipe) => recipeSchema.parse(recipe));

const names = Object.keys(seedModels);

/** The damaged file of a seed. */
export function caseBytes(seed: number): Uint8Array {
  const make = seedModels[names[seed % names.length]!]!;
  return mutate(encodeModel(make()), randomFrom(seed));
}

/** @param path where the damaged file is written. */
export async function runCase(seed: number, path: string): Promise<Verdict> {
  const random = randomFrom(seed ^ 0x5bd1e995);
  const recipe = recipes[random(recipes.length)]!;
  await writeFile(path, caseBytes(seed));
  try {
    const prepared = await prepareModel(path);
    const model = random(3) === 0 ? await rewriteForSpeed(prepared, speedRewriteNames) : prepared;
    const samples = samplesFor(modelInputs(model), random);
    const built = await buildVariant(model, recipe, samples, await observeFor(model, [recipe], samples));
    if (!built.ok) return { kind: 'nothing to do' };
    await (await openSession(built.bytes)).close();
    return { kind: 'quantized' };
  } catch (error) {
    if (error instanceof OctetError && error.code !== 'INTERNAL' && error.code !== 'GRAPH_INVALID')
      return { kind: 'refused', code: error.code };
    return { kind: 'broken', what: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

/** Three samples, one in five of them with values that no sensor gives. */
function samplesFor(inputs: readonly ValueInfo[], random: Random): Samples {
  const feeds: Feeds[] = Array.from({ length: 3 }, () =>
    Object.fromEntries(inputs.map((input) => [input.name, tensorFor(input, random)])),
  );
  return { count: feeds.length, labels: undefined, feeds: async (index) => feeds[index]!, description: 'fuzz' };
}

const largestInput = 1 << 16;

function tensorFor({ type = 'float32', dims = [] }: ValueInfo, random: Random): Tensor {
  const sizes = dims.map((size) => (typeof size === 'number' && size >= 0 ? size : 1));
  const fitting = elementCount(sizes) <= largestInput ? sizes : [1];
  const data = new elementTypes[type].array(elementCount(fitting));
  const odd = random(5) === 0 ? [Number.NaN, Number.POSITIVE_INFINITY, 0, 3e38][random(4)]! : undefined;
  for (let i = 0; i < data.length; i++) {
    const value = type === 'float32' ? (odd ?? (random(2000) - 1000) / 500) : random(4);
    data[i] = data instanceof BigInt64Array || data instanceof BigUint64Array ? BigInt(value) : value;
  }
  return { type, dims: fitting, data } as Tensor;
}
