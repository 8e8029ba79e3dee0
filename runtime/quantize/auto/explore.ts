/**
 * The order of a search: float forms; each format on the fastest float form and on the plain one; for static int8, where it should
 * begin and end; for dynamic int8, which nodes; and the two together.
 */
import { intAttribute } from '../../graph/attributes.ts';
import { constantOf } from '../../graph/initializer.ts';
import type { Model } from '../../graph/model.ts';
import { elementCount } from '../../graph/tensor.ts';
import type { NodeOutcome } from '../messages.ts';
import { type SpeedRewrite, speedRewriteNames } from '../prepare/speed-rewrite-names.ts';
import {
  type DynamicRecipe,
  dynamicSchema,
  type Recipe,
  type StaticRecipe,
  staticSchema,
  weightOnlySchema,
} from '../recipe.ts';
import type { ComposedRecipe } from './composed-recipe.ts';
import { type Exclusion, floatBeginnings, floatEnds, singleChanges } from './regions.ts';
import type { Contender, Search } from './search.ts';

/** What is fast on this processor, and whose ranges are right for this model (choose-observer.ts). */
export type ExploreOptions = Pick<StaticRecipe, 'reduceRange' | 'observer'> & {
  readonly activation: 'uint8' | 'int8';
};

export async function explore(search: Search, types: ExploreOptions): Promise<void> {
  await tryFloatForms(search);
  const fastest = search.champion().recipe.rewrites.filter((name) => name !== 'folded');
  const bases = fastest.length > 0 ? [fastest, []] : [[]];
  for (const base of bases) {
    for (const form of [base, ...fillingKernels.map((name) => [...base, name])])
      if (form === base || (await search.rewritten(form)) !== (await search.rewritten(base)))
        for (const [label, part] of wholeStaticParts(types)) await search.challenge(labelOf(label, form), form, [part]);
    for (const perChannel of [false, true])
      await search.challenge(labelOf(perChannel ? 'dynamic, per channel' : 'dynamic', base), base, [
        dynamicPart(types, perChannel),
      ]);
  }
  for (const { recipe } of wholeStatics(search).slice(0, mostPlaced)) await placeStatic(search, recipe.rewrites);
  await thinDynamic(search);
  await tryWeightOnly(search);
  await addDynamic(search, types);
}

/** Mostly slower in float, but a first layer fills integer kernels, or a transposed convolution gets one. */
const fillingKernels: readonly SpeedRewrite[] = ['fold-width', 'sub-pixel'];

/** For how many sets of rewrites it is searched where int8 should begin and end. */
const mostPlaced = 2;

/** Static forms with nothing left float, the fastest first. */
function wholeStatics({ tried }: Search): readonly Contender[] {
  const isWhole = ({ recipe }: Contender) => isOnly('static')(recipe) && recipe.parts[0]?.exclude.length === 0;
  return tried.filter(isWhole).sort((a, b) => b.ratio - a.ratio);
}

/**
 * Where 8 bits would saturate there are two ways out, and which is faster differs by layer: weights in 7 bits, or unsigned ones.
 */
function wholeStaticParts(types: ExploreOptions): readonly (readonly [label: string, StaticRecipe])[] {
  const part = staticSchema.parse({ kind: 'static', ...types });
  const unsigned: StaticRecipe = { ...part, reduceRange: false, weight: 'uint8' };
  return types.reduceRange && types.activation === 'uint8'
    ? [
        ['static', part],
        ['static, unsigned weights', unsigned],
      ]
    : [['static', part]];
}

function dynamicPart({ reduceRange }: ExploreOptions, perChannel: boolean): DynamicRecipe {
  return dynamicSchema.parse({ kind: 'dynamic', perChannel, reduceRange });
}

function labelOf(what: string, rewrites: readonly SpeedRewrite[]): string {
  return [what, ...rewrites].join(' + ');
}

/** One after the other, keeping what helps. */
async function tryFloatForms(search: Search): Promise<void> {
  await search.challenge(labelOf('float32', ['folded']), ['folded'], []);
  for (const name of speedRewriteNames) {
    const { rewrites } = search.champion().recipe;
    const added = [...rewrites, name];
    if ((await search.rewritten(added)) !== (await search.rewritten(rewrites)))
      await search.challenge(labelOf('float32', added), added, []);
  }
}

/** Where static int8 begins and ends. */
async function placeStatic(search: Search, rewrites: readonly SpeedRewrite[]): Promise<void> {
  const whole = search.best(isStaticOn(rewrites));
  if (!whole) return;
  const model = await search.rewritten(rewrites);
  const nodes = computingNodes(whole.outcomes);
  const weigh = async (label: string, exclusions: readonly Exclusion[]) => {
    for (const exclude of exclusions) {
      const [part] = whole.recipe.parts as [StaticRecipe];
      await search.challenge(labelOf(`static, ${label} (${exclude.length} float)`, rewrites), rewrites, [
        { ...part, exclude: [...exclude] },
      ]);
    }
  };
  const current = () => excludedBy(search.best(isStaticOn(rewrites)));
  await weigh('float beginning', floatBeginnings(nodes, current()));
  await weigh('float end', floatEnds(nodes, current()));
  const order = [...nodes].sort((a, b) => weightsOf(model, a) - weightsOf(model, b));
  for (const node of order) await weigh(`other ${node}`, singleChanges([node], current()));
}

/** Weights from which on few bits can win time: below, dynamic int8 was faster at every size that was measured. */
const fewestBlockWeights = 2 ** 18;

/** Matrices in few bits, for models whose weights are too many for the cache. */
async function tryWeightOnly(search: Search): Promise<void> {
  const { rewrites } = search.champion().recipe;
  const model = await search.rewritten(rewrites);
  const weights = model.graph.nodes
    .filter(({ opType }) => opType === 'MatMul' || opType === 'Gemm')
    .reduce((sum, { name }) => sum + weightsOf(model, name), 0);
  if (weights < fewestBlockWeights) return;
  for (const bits of [8, 4] as const)
    await search.challenge(labelOf(`weight-only, ${bits} bits`, rewrites), rewrites, [
      weightOnlySchema.parse({ kind: 'weight-only', bits, blockSize: 128 }),
    ]);
}

/** Dynamic int8 without the nodes where it does not pay. */
async function thinDynamic(search: Search): Promise<void> {
  const whole = search.best(isOnly('dynamic'));
  const nodes = whole ? computingNodes(whole.outcomes) : [];
  if (!whole || nodes.length < 2) return;
  for (const node of nodes) {
    const [part] = whole.recipe.parts as [DynamicRecipe];
    const exclude = singleChanges([node], excludedBy(search.best(isDynamicOn(whole.recipe))))[0]!;
    if (exclude.length === nodes.length) continue;
    await search.challenge(
      labelOf(`dynamic without ${exclude.join(' ')}`, whole.recipe.rewrites),
      whole.recipe.rewrites,
      [{ ...part, exclude: [...exclude] }],
    );
  }
}

/** Dynamic int8 for what static left float: an LSTM behind convolutions. */
async function addDynamic(search: Search, types: ExploreOptions): Promise<void> {
  const placed = search.best(isOnly('static'));
  if (!placed) return;
  for (const perChannel of [false, true])
    await search.challenge(`${placed.label} + dynamic${perChannel ? ', per channel' : ''}`, placed.recipe.rewrites, [
      ...placed.recipe.parts,
      dynamicPart(types, perChannel),
    ]);
}

/** Nodes that became integer kernels and have arithmetic of their own; what only follows them follows. */
function computingNodes(outcomes: readonly NodeOutcome[]): readonly string[] {
  return outcomes.filter(({ opType, kernel }) => kernel && computing.has(opType)).map(({ node }) => node);
}

const computing: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul', 'LSTM', 'GRU']);

function weightsOf({ graph }: Model, name: string): number {
  const node = graph.nodes.find((other) => other.name === name);
  const weight = node && constantOf(graph, node.inputs[1] ?? '');
  return node && weight ? elementCount(weight.dims) / intAttribute(node, 'group', 1) : 0;
}

function excludedBy(contender: Contender | undefined): Exclusion {
  return contender?.recipe.parts[0]?.exclude ?? [];
}

function isOnly(kind: Recipe['kind']) {
  return ({ parts }: ComposedRecipe) => parts.length === 1 && parts[0]?.kind === kind;
}

function isStaticOn(rewrites: readonly SpeedRewrite[]) {
  return (recipe: ComposedRecipe) => isOnly('static')(recipe) && String(recipe.rewrites) === String(rewrites);
}

function isDynamicOn({ rewrites, parts }: ComposedRecipe) {
  const [like] = parts as [DynamicRecipe];
  return (recipe: ComposedRecipe) => {
    const [part] = recipe.parts;
    const isSame = part?.kind === 'dynamic' && part.perChannel === like.perChannel;
    return isSame && recipe.parts.length === 1 && String(recipe.rewrites) === String(rewrites);
  };
}
