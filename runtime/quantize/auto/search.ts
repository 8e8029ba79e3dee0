/**
 * The search for the fastest form of a model on this machine. Every alternative is built and timed as a whole against the fastest
 * so far, so the cost of crossing between int8 and float, of a change of layout, of one more node, is in the figure and needs no
 * model of its own. What is tried next depends on what was fast: float forms, then formats, then where int8 should begin and end.
 */
import { OctetError } from '../../base/errors.ts';
import type { Samples } from '../../data/samples.ts';
import type { Model } from '../../graph/model.ts';
import type { NodeOutcome } from '../messages.ts';
import type { Observation } from '../observe.ts';
import { type SpeedRewrite, speedRewriteNames } from '../prepare/speed-rewrite-names.ts';
import { rewriteForSpeed } from '../prepare/speed-rewrites.ts';
import type { Recipe } from '../recipe.ts';
import { buildParts } from './build-composed.ts';
import type { ComposedRecipe } from './composed-recipe.ts';
import type { Journal } from './journal.ts';
import { compare, openRunner, type RaceSettings, type Runner } from './race.ts';

/** One alternative that was timed. */
export type Tried = {
  readonly recipe: ComposedRecipe;
  /** For people: `static, float until /3/Conv`. */
  readonly label: string;
  /** float32's time over its time; above 1 is faster. */
  readonly ratio: number;
};

export type Contender = Tried & { readonly outcomes: readonly NodeOutcome[] };

/** A form and what to call it. */
export type Attempt = Pick<Tried, 'recipe' | 'label'>;

export type BuiltModel = { readonly bytes: Uint8Array<ArrayBuffer>; readonly outcomes: readonly NodeOutcome[] };

export type SearchOptions = {
  readonly race: RaceSettings;
  /** Ranges of a rewritten model; called once for each set of rewrites. */
  readonly observe: (model: Model) => Promise<Observation>;
  readonly samples: number;
  /** Those samples, for parts with accuracy methods. */
  readonly calibration: Samples;
  readonly onTried?: (tried: Tried) => void;
  readonly signal?: AbortSignal;
  /** Whether to stop trying. */
  readonly isOver: () => boolean;
  readonly journal: Journal;
};

export type Search = {
  /** float32 first. */
  readonly tried: readonly Contender[];
  /** Median of one call of float32. */
  readonly floatUs: number;
  /** The fastest so far; float32 at first. */
  champion(): Contender;
  /** The fastest of those that satisfy. */
  best(fits: (recipe: ComposedRecipe) => boolean): Contender | undefined;
  /** Builds and times one alternative, unless it was timed already. @returns undefined when it cannot be built or time is over. */
  challenge(label: string, rewrites: readonly SpeedRewrite[], parts: readonly Recipe[]): Promise<Contender | undefined>;
  /** Builds without timing. @returns undefined when it cannot be built. */
  build(attempt: Attempt): Promise<BuiltModel | undefined>;
  /** Ranges of the float model with these rewrites. */
  ranges(rewrites: readonly SpeedRewrite[]): Promise<Observation>;
  /** The float model with these rewrites. */
  rewritten(rewrites: readonly SpeedRewrite[]): Promise<Model>;
  close(): Promise<void>;
};

/** Less than this is noise. */
const leastGain = 1.005;

/** @param floatPath the model as it came; @param prepared the same, prepared. Opens many sessions: for a process that ends. */
export async function openSearch(floatPath: string, prepared: Model, options: SearchOptions): Promise<Search> {
  const { race, observe, samples, calibration, onTried, signal, isOver, journal } = options;
  const contenders = new Map<string, Contender>();
  const crashed = new Set(journal.crashes.map(({ recipe }) => keyOf(recipe)));
  const models = new Map<string, Promise<{ model: Model; observation: () => Promise<Observation> }>>();
  let runner: Runner = await openRunner(floatPath, race);
  const floatUs = runner.callUs;
  let champion: Contender = {
    recipe: composed([], []),
    label: 'float32, as it came',
    ratio: 1,
    outcomes: [],
  };
  contenders.set(keyOf(champion.recipe), champion);
  await takeUp();

  /** Goes on where an earlier search was when it crashed: with its fastest form as the one to beat. */
  async function takeUp(): Promise<void> {
    for (const contender of journal.known) contenders.set(keyOf(contender.recipe), contender);
    for (const contender of [...journal.known].sort((a, b) => b.ratio - a.ratio)) {
      const built = contender.ratio > 1 ? await build(contender) : undefined;
      if (!built) continue;
      const fastest = await openRunner(built.bytes, race);
      await runner.session.close();
      [runner, champion] = [fastest, contender];
      return;
    }
  }

  function composed(rewrites: readonly SpeedRewrite[], parts: readonly Recipe[]): ComposedRecipe {
    const isMore = parts.length > 0 || rewrites.length > 1;
    // Whatever else is done is done to the prepared model, which is folded.
    const ordered = speedRewriteNames.filter((name) => rewrites.includes(name) && !(name === 'folded' && isMore));
    return { kind: 'composed', name: 'auto', rewrites: ordered, parts: [...parts], samples };
  }

  function modelFor(rewrites: readonly SpeedRewrite[]) {
    const key = String(rewrites);
    const known = models.get(key);
    if (known) return known;
    const found = rewriteForSpeed(prepared, rewrites).then((model) => {
      let taken: Promise<Observation> | undefined;
      return { model, observation: () => (taken ??= observe(model)) };
    });
    models.set(key, found);
    return found;
  }

  async function build({ recipe, label }: Attempt): Promise<BuiltModel | undefined> {
    if (crashed.has(keyOf(recipe))) return undefined;
    await journal.begin({ recipe, label });
    const { model, observation } = await modelFor(recipe.rewrites);
    const needsRanges = recipe.parts.some(({ kind }) => kind === 'static');
    try {
      const ranges = needsRanges ? await observation() : new Map();
      const built = await buildParts(model, recipe.parts, ranges, calibration);
      return built.ok ? built : undefined;
    } catch (error) {
      // A stretch of int8 may need the range of a tensor that nothing asked for before: one alternative less.
      if (error instanceof OctetError && error.code === 'QUANT_RANGE') return undefined;
      throw error;
    }
  }

  async function challenge(label: string, rewrites: readonly SpeedRewrite[], parts: readonly Recipe[]) {
    signal?.throwIfAborted();
    const recipe = composed(rewrites, parts);
    const known = contenders.get(keyOf(recipe));
    if (known || isOver()) return known;
    const built = await build({ recipe, label });
    if (!built) return undefined;
    const challenger = await openRunner(built.bytes, race);
    const gain = await compare(runner, challenger, race);
    const contender: Contender = { recipe, label, ratio: champion.ratio * gain, outcomes: built.outcomes };
    contenders.set(keyOf(recipe), contender);
    journal.found(contender);
    onTried?.(contender);
    const isFaster = gain >= leastGain;
    await (isFaster ? runner : challenger).session.close();
    if (isFaster) [runner, champion] = [challenger, contender];
    return contender;
  }

  return {
    get tried() {
      return [...contenders.values()];
    },
    floatUs,
    build,
    ranges: async (rewrites) => (await modelFor(rewrites)).observation(),
    champion: () => champion,
    best: (fits) => [...contenders.values()].filter(({ recipe }) => fits(recipe)).sort((a, b) => b.ratio - a.ratio)[0],
    challenge,
    rewritten: async (rewrites) => (await modelFor(rewrites)).model,
    close: () => runner.session.close(),
  };
}

function keyOf({ rewrites, parts }: ComposedRecipe): string {
  return JSON.stringify([rewrites, parts]);
}
