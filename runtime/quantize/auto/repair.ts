/**
 * A form of the model that is fast but decides otherwise: first what costs no time when running (other ranges, accuracy methods);
 * then units go back to float, those first that bring most for a microsecond, until the decisions are right again.
 */
import type { Samples } from '../../data/samples.ts';
import { evenly } from '../../data/samples.ts';
import { measureSensitivity } from '../accuracy/measure-sensitivity.ts';
import { rankSensitivity, revertUntil } from '../accuracy/sensitivity.ts';
import type { StaticRecipe } from '../recipe.ts';
import type { ComposedRecipe } from './composed-recipe.ts';
import { exclusionKey } from './regions.ts';
import type { Attempt, Contender, Search } from './search.ts';

/** From what is done quickly to what is done thoroughly; `npm run bench:quantize -- accuracy` prints what each brings. */
const otherSettings: Readonly<Record<string, Partial<StaticRecipe>>> = {
  'whole ranges': { observer: 'min-max' },
  'even channels and right means': { equalize: true, biasCorrection: true },
  'mse, even channels, right means, chosen rounding': {
    observer: 'mse',
    equalize: true,
    biasCorrection: true,
    rounding: 'reconstruct',
  },
};

/** Samples for the ranking; the decision itself is made on all that are held out. */
const rankingSamples = 32;

/**
 * @param isGoodEnough asked about whole recipes.
 * @returns the repaired form, built and timed; undefined when none is good enough or there is nothing static to repair.
 */
export async function repair(
  search: Search,
  broken: Contender,
  samples: Samples,
  isGoodEnough: (attempt: Attempt) => Promise<boolean>,
): Promise<Contender | undefined> {
  const [part, ...others] = broken.recipe.parts;
  if (part?.kind !== 'static') return undefined;
  const withPart = (changed: StaticRecipe): ComposedRecipe => ({ ...broken.recipe, parts: [changed, ...others] });
  const labelOf = (label: string) => `${broken.label}, ${label}`;
  const timed = (label: string, { rewrites, parts }: ComposedRecipe) =>
    search.challenge(labelOf(label), rewrites, parts);
  for (const [label, settings] of Object.entries(otherSettings)) {
    const recipe = withPart({ ...part, ...settings });
    if (await isGoodEnough({ recipe, label: labelOf(label) })) return timed(label, recipe);
  }
  const model = await search.rewritten(broken.recipe.rewrites);
  const observation = await search.ranges(broken.recipe.rewrites);
  const sensitivity = await measureSensitivity(model, part, observation, evenly(samples, rankingSamples));
  const ranked = rankSensitivity(sensitivity, costsOf(search, broken));
  const without = (inFloat: readonly string[]) =>
    withPart({ ...part, exclude: [...new Set([...part.exclude, ...inFloat])] });
  const { isMet, inFloat } = await revertUntil(ranked, (nodes) =>
    isGoodEnough({ recipe: without(nodes), label: labelOf(backToFloat(nodes)) }),
  );
  return isMet ? timed(backToFloat(inFloat), without(inFloat)) : undefined;
}

function backToFloat({ length }: readonly string[]): string {
  return `${length} back to float for accuracy`;
}

/** What each node's way back to float costs, µs, where the search happened to time it. */
function costsOf({ tried, floatUs }: Search, { recipe, ratio }: Contender): Map<string, number> {
  const exclude = recipe.parts[0]?.exclude ?? [];
  const byExclusion = new Map(
    tried
      .filter((other) => other.recipe.parts.length === 1 && String(other.recipe.rewrites) === String(recipe.rewrites))
      .map((other) => [exclusionKey(other.recipe.parts[0]!.exclude), other] as const),
  );
  const costs = new Map<string, number>();
  for (const { recipe: other } of byExclusion.values()) {
    const added = other.parts[0]!.exclude.filter((node) => !exclude.includes(node));
    const [node] = added;
    const one = node && added.length === 1 && byExclusion.get(exclusionKey([...exclude, node]));
    if (one) costs.set(node, floatUs / one.ratio - floatUs / ratio);
  }
  return costs;
}
