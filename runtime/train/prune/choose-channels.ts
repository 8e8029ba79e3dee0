/**
 * Which channels go: the least important first, until what is left costs no more than wanted. Counts stay at multiples that
 * kernels like, and no axis of any value is ever emptied. A pure function.
 */
import { OctetError } from '../../base/errors.ts';
import type { Graph } from '../../graph/model.ts';
import { type CostMeasure, costOf } from './cost.ts';
import type { ChannelGroup, Coupling } from './coupling/couple-channels.ts';

export type Choice = {
  /** What is counted. */
  readonly measure: CostMeasure;
  /** The most that may be left of it, in its own unit. */
  readonly most: number;
  /** What a ratio is a share of, for the error message; the cost of the model that pruning began with. */
  readonly whole: number;
  /** `global`: the least important of all layers. `layer`: the same share of each layer's. */
  readonly scope: 'global' | 'layer';
  /** Channels kept in each layer are a multiple of it; halved for layers that have fewer than two of it. */
  readonly multiple: number;
  /** Whether a layer keeps all channels. */
  isExcluded(node: string): boolean;
};

/**
 * @param importance of each channel, comparable within a group; comparable between groups for scope `global`.
 * @returns numbers of the channels to remove: as few as will do.
 * @throws RECIPE_INVALID when no choice is small enough, naming the largest possible ratio.
 */
export function chooseChannels(
  graph: Graph,
  coupling: Coupling,
  importance: ArrayLike<number>,
  choice: Choice,
): ReadonlySet<number> {
  const groups = candidatesOf(coupling, importance, choice);
  const scores = groups.flatMap(({ candidates }) => candidates.map(({ score }) => score)).sort((a, b) => a - b);
  const removedBelow = (count: number) =>
    new Set(groups.flatMap((group) => removedOf(group, count === 0 ? Number.NEGATIVE_INFINITY : scores[count - 1]!)));
  const costBelow = (count: number) => costOf(graph, coupling, removedBelow(count))[choice.measure];
  const least = costBelow(scores.length);
  if (least > choice.most) throw tooMuch(choice, least);
  // Fewer channels never cost more, so the first count that fits is found by halving.
  let [low, high] = [0, scores.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (costBelow(middle) <= choice.most) high = middle;
    else low = middle + 1;
  }
  return removedBelow(low);
}

type Candidates = {
  /** Channels that may go, the least important first. */
  readonly candidates: readonly { readonly channel: number; readonly score: number }[];
  readonly total: number;
  /** Kept counts are multiples of it. */
  readonly step: number;
};

function candidatesOf(
  coupling: Coupling,
  importance: ArrayLike<number>,
  { scope, multiple, isExcluded }: Choice,
): readonly Candidates[] {
  const staying = lastOfEachAxis(coupling, importance);
  return coupling.groups.flatMap((group) => {
    if (group.nodes.some(isExcluded)) return [];
    const ascending = group.channels.toSorted((a, b) => importance[a]! - importance[b]! || a - b);
    const scored = ascending.map((channel, rank) => ({
      channel,
      score: scope === 'global' ? importance[channel]! : (rank + 1) / ascending.length,
    }));
    const candidates = scored.filter(({ channel }) => !staying.has(channel));
    return [{ candidates, total: ascending.length, step: stepOf(group, multiple) }];
  });
}

/** The most important channel of every axis that has nothing else to keep it from being emptied: it stays. */
function lastOfEachAxis({ labels }: Coupling, importance: ArrayLike<number>): ReadonlySet<number> {
  const axes = [...labels.values()].flat().filter((axis) => axis.length > 0 && axis.every((channel) => channel >= 0));
  return new Set(
    axes.map((axis) => axis.reduce((best, next) => (importance[next]! > importance[best]! ? next : best))),
  );
}

function stepOf({ channels, width }: ChannelGroup, multiple: number): number {
  // Channels that take up several positions in a row reach a multiple of positions sooner.
  let step = Number.isInteger(width) ? multiple / greatestCommonDivisor(multiple, width) : multiple;
  while (step > 1 && channels.length < 2 * step) step = Math.ceil(step / 2);
  return step;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** Of those up to a score, as many as leave a multiple. */
function removedOf({ candidates, total, step }: Candidates, score: number): readonly number[] {
  const going = candidates.filter((candidate) => candidate.score <= score).length;
  const kept = Math.min(total, Math.ceil((total - going) / step) * step);
  return candidates.slice(0, total - kept).map(({ channel }) => channel);
}

function tooMuch({ measure, most, whole, multiple }: Choice, least: number): OctetError {
  const [wanted, possible] = [1 - most / whole, Math.floor((1 - least / whole) * 1000) / 1000];
  return new OctetError(
    'RECIPE_INVALID',
    `ratio: expected at most ${possible} of the ${measure}, got ${Number(wanted.toFixed(4))}, which would leave a layer without channels`,
    {
      hint:
        multiple > 1
          ? `Ask for at most ${possible}, or add --multiple 1: each layer keeps at least ${multiple} channels now.`
          : `Ask for at most ${possible}: every layer keeps one channel then.`,
    },
  );
}
