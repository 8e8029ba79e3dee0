/**
 * Which units cost accuracy, and which to take back to float first. Pure: measure-sensitivity.ts takes the figures, whoever
 * tunes says when it is good enough.
 */
import type { OutputError } from './output-error.ts';

/** `only-float`: all units in int8 but this one. `only-int8`: this one alone, which tells more when all together fail. */
export type SensitivityMode = 'only-float' | 'only-int8';

export type UnitSensitivity = {
  readonly node: string;
  readonly opType: string;
  /** At the model's outputs, against float. */
  readonly error: OutputError;
};

export type Sensitivity = {
  readonly mode: SensitivityMode;
  /** With every unit in int8. */
  readonly whole: OutputError;
  /** In the graph's order. */
  readonly units: readonly UnitSensitivity[];
};

export type RankedUnit = {
  readonly node: string;
  readonly opType: string;
  /** The share of the output's noise that goes when this unit is float again; below 0 when its error cancels others'. */
  readonly relief: number;
  /** What it takes to have it float: float time − int8 time, in µs; at or below 0 it is free. Undefined when unknown. */
  readonly costUs: number | undefined;
};

/**
 * The order in which to take units back: first those that are free and help, the most helpful first, then by relief for each
 * microsecond; by relief alone where no costs are given. A unit without a cost among others with one counts as the dearest.
 * @param costsUs float time − int8 time of each unit's node, by name.
 */
export function rankSensitivity(
  { mode, whole, units }: Sensitivity,
  costsUs: ReadonlyMap<string, number> = new Map(),
): readonly RankedUnit[] {
  const sum = units.reduce((total, { error }) => total + error.noise, 0);
  const reliefOf = {
    'only-float': (noise: number) => (whole.noise > 0 ? 1 - noise / whole.noise : 0),
    'only-int8': (noise: number) => (sum > 0 ? noise / sum : 0),
  }[mode];
  const dearest = Math.max(1, ...costsUs.values());
  const worth = ({ relief, costUs }: RankedUnit) => {
    const cost = costUs ?? dearest;
    if (cost <= 0) return relief > 0 ? Number.MAX_VALUE * relief : relief;
    return relief / cost;
  };
  return units
    .map(({ node, opType, error }) => ({ node, opType, relief: reliefOf(error.noise), costUs: costsUs.get(node) }))
    .sort((a, b) => worth(b) - worth(a));
}

export type Reversion = {
  /** Whether the budget was met. */
  readonly isMet: boolean;
  /** Nodes to exclude; when the budget was not met, all that were ranked. */
  readonly inFloat: readonly string[];
  /** How often `isGoodEnough` was asked. */
  readonly tries: number;
};

/**
 * The shortest beginning of the ranking that meets the budget, found by doubling and then halving, so about 2·log₂(n)
 * questions instead of n. Rests on more floats never being worse; where they are, the result still meets the budget.
 * @param isGoodEnough asked with the nodes to exclude; first with none.
 */
export async function revertUntil(
  ranked: readonly RankedUnit[],
  isGoodEnough: (inFloat: readonly string[]) => Promise<boolean>,
): Promise<Reversion> {
  const beginning = (count: number) => ranked.slice(0, count).map(({ node }) => node);
  let tries = 0;
  const meets = (count: number) => {
    tries += 1;
    return isGoodEnough(beginning(count));
  };
  // Too few until `failing`, enough at `meeting`.
  let failing = -1;
  let meeting = 0;
  while (!(await meets(meeting))) {
    failing = meeting;
    if (meeting === ranked.length) return { isMet: false, inFloat: beginning(meeting), tries };
    meeting = Math.min(Math.max(1, meeting * 2), ranked.length);
  }
  while (meeting - failing > 1) {
    const middle = Math.floor((failing + meeting) / 2);
    if (await meets(middle)) meeting = middle;
    else failing = middle;
  }
  return { isMet: true, inFloat: beginning(meeting), tries };
}
