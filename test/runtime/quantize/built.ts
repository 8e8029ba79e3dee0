/** Builds variants of small models for the tests, and compares what they compute. */
import assert from 'node:assert/strict';
import type { Samples } from '../../../runtime/data/samples.ts';
import { openSession } from '../../../runtime/engine/session.ts';
import { parseModel } from '../../../runtime/graph/load.ts';
import type { Model } from '../../../runtime/graph/model.ts';
import { encodeModel } from '../../../runtime/graph/save.ts';
import type { Feeds } from '../../../runtime/graph/tensor.ts';
import { assertSound } from '../../../runtime/graph/verify.ts';
import { fastTypesHere, fillTypes } from '../../../runtime/quantize/fast-types.ts';
import { applyRecipe, observeFor } from '../../../runtime/quantize/quantize.ts';
import {
  type DynamicRecipe,
  dynamicSchema,
  type Recipe,
  recipeSchema,
  type StaticRecipe,
  staticSchema,
} from '../../../runtime/quantize/recipe.ts';
import type { Quantized } from '../../../runtime/quantize/verify/settle.ts';

export type Built = Extract<Quantized, { ok: true }>;

/** What this processor makes of a recipe that leaves integer types open. */
export function recipeHere(recipe: object): Recipe {
  return recipeSchema.parse(fillTypes(recipe, fastTypesHere()));
}

export function staticHere(settings: object = {}): StaticRecipe {
  return staticSchema.parse(recipeHere({ kind: 'static', ...settings }));
}

export function dynamicHere(settings: object = {}): DynamicRecipe {
  return dynamicSchema.parse(recipeHere({ kind: 'dynamic', ...settings }));
}

/** @param recipe as a file would say it. */
export async function build(model: Model, recipe: object, samples?: Samples): Promise<Built> {
  const parsed = recipeHere(recipe);
  const built = await applyRecipe(model, parsed, await observeFor(model, [parsed], samples));
  assert.ok(built.ok, built.ok ? '' : built.reason);
  assertSound(parseModel(built.bytes));
  return built;
}

/** Kernel, or `float`, by node's name. */
export function kernelsOf({ outcomes }: Built): Record<string, string> {
  return Object.fromEntries(outcomes.map(({ node, kernel }) => [node, kernel ?? 'float']));
}

/** Why nodes stay float, by name. */
export function reasonsOf({ outcomes }: Built): Record<string, string> {
  return Object.fromEntries(outcomes.flatMap(({ node, reason }) => (reason ? [[node, reason]] : [])));
}

export async function outputsOf(model: Model | Uint8Array, feeds: readonly Feeds[]): Promise<number[]> {
  const session = await openSession(model instanceof Uint8Array ? model : encodeModel(model));
  const values: number[] = [];
  for (const each of feeds) values.push(...Array.from((await session.run(each)).y!.data, Number));
  await session.close();
  return values;
}

/** The largest difference between the outputs, as a share of the largest output of the first. */
export async function relativeError(model: Model, built: Built, feeds: readonly Feeds[]): Promise<number> {
  const [exact, other] = [await outputsOf(model, feeds), await outputsOf(built.bytes, feeds)];
  assert.equal(other.length, exact.length);
  const largest = exact.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return exact.reduce((most, value, i) => Math.max(most, Math.abs(value - other[i]!)), 0) / largest;
}
