/** Runs the race that `race-plan.ts` plans: float32 first, then rounds until the time is over. */
import type { Clock } from '../base/clock.ts';
import { errorFromRecord } from '../base/errors.ts';
import { judge } from '../measure/judge.ts';
import type { AloneResult, PrepareResult } from '../measure/messages.ts';
import { isHopeless } from './constraints.ts';
import type { Contender } from './contender.ts';
import type { Evidence } from './evidence.ts';
import { contenderFrom, type Entry, type Measured, type Observed } from './measured.ts';
import { progressMeter } from './progress.ts';
import { nextEntrant, planExhaustive, planRounds, type RoundPlan } from './race-plan.ts';
import type { SelectionProgress, SelectionRequest } from './selection.ts';
import {
  type AloneBudgets,
  compareTogether,
  gate,
  measureAlone,
  measureFloor,
  startMs,
  type Trials,
} from './trials.ts';

export type RaceOptions = {
  readonly onProgress: (progress: SelectionProgress) => void;
  readonly signal?: AbortSignal;
  readonly niceness: number;
  readonly clock: Clock;
  /** By the monotonic clock. */
  readonly fromMs: number;
  readonly deadlineMs: number;
  /** `exhaustive`: everyone is judged and compared for long; for checking the race against. */
  readonly strategy?: 'halving' | 'exhaustive';
};

export type Measurements = {
  /** In the order given, float32 under the usual settings first. */
  readonly measured: readonly Measured[];
  /** Peak memory of a model of one node. */
  readonly floorBytes: number;
  readonly rounds: Evidence['search']['rounds'];
};

/** Energy needs readings of a meter, a tenth of a second apart. */
const throughputMs = { energy: 1500, other: 250 };
/** Float32 decides for so long at most; a variant decides the same windows. */
const mostDecideMs = 1500;
/** How many contenders share a process with float32, and how large their files may be together. */
const together = { most: 4, bytes: 64 * 1024 ** 2, budgetsPerRound: 2 };

/**
 * @param entries float32 under the usual settings first, then from simple to involved.
 * @throws why float32 could not be measured; without it there is nothing to compare with. The signal's reason.
 */
export async function race(
  request: SelectionRequest,
  prepared: PrepareResult,
  [usual, ...others]: readonly [Entry, ...Entry[]],
  options: RaceOptions,
): Promise<Measurements> {
  const { onProgress, signal, niceness, clock, fromMs, deadlineMs } = options;
  const leftMs = () => deadlineMs - clock.monotonicMs();
  const totalMs = Math.max(1, leftMs());
  const budgets: AloneBudgets = {
    throughputMs: request.objective === 'energy' ? throughputMs.energy : throughputMs.other,
    decideMs: Math.min(mostDecideMs, totalMs / 20),
  };
  const silenceMs = Math.min(60_000, Math.max(20_000, totalMs / 2));
  const meter = progressMeter('measuring', totalMs, onProgress);
  const trials: Trials = { request, prepared, usual, meter, signal, silenceMs, niceness, budgets };
  const floor = await measureFloor(trials);
  const floorBytes = floor.ok ? floor.result.peakBytes : 0;
  const { outcome: alone, energy } = await measureAlone(trials, usual, { budgetMs: budgets.decideMs });
  if (!alone.ok) throw errorFromRecord(alone.error);
  const itself = judge(alone.result.decided, alone.result.decided, request.budget);
  const first: Measured = { ...unmeasured(usual), alone, energy, accuracy: itself };
  const isExhaustive = options.strategy === 'exhaustive';
  const table = [first, ...others.map(unmeasured)];
  const course = new Course(trials, alone, table, floorBytes, () => leftMs() <= 0, isExhaustive);
  const plan = isExhaustive
    ? planExhaustive(others.length)
    : planRounds(others.length, leftMs(), { startMs, gateMs: gateMs(budgets), together: together.most });
  const rounds: Evidence['search']['rounds'] = [];
  for (const [round, step] of plan.entries()) {
    const atMs = clock.monotonicMs() - fromMs;
    const isFirst = round === 0 && !isExhaustive;
    const names = isFirst ? await course.firstRound(step) : await course.laterRound(step);
    if (names.length > 0) rounds.push({ atMs, budgetMs: step.budgetMs, contenders: names });
  }
  return { measured: course.table, floorBytes, rounds };
}

function gateMs({ throughputMs: runMs, decideMs }: AloneBudgets): number {
  return startMs + runMs + decideMs;
}

function unmeasured(entry: Entry): Measured {
  return { ...entry, alone: null, energy: null, paired: null, accuracy: null, failure: null, rounds: 0 };
}

/** What is known so far, and the rounds that add to it. */
class Course {
  table: readonly Measured[];
  readonly #trials: Trials;
  readonly #baseline: Observed<AloneResult>;
  readonly #floorBytes: number;
  readonly #isOver: () => boolean;
  readonly #isExhaustive: boolean;

  constructor(
    trials: Trials,
    baseline: Observed<AloneResult>,
    table: readonly Measured[],
    floorBytes: number,
    isOver: () => boolean,
    isExhaustive: boolean,
  ) {
    this.table = table;
    this.#isExhaustive = isExhaustive;
    this.#trials = trials;
    this.#baseline = baseline;
    this.#floorBytes = floorBytes;
    this.#isOver = isOver;
  }

  /** Everyone for a moment; where memory or energy is the objective, alone first, because that is what they are ranked by. */
  async firstRound({ budgetMs }: RoundPlan): Promise<string[]> {
    const { objective } = this.#trials.request;
    const isRankedAlone = objective === 'memory' || objective === 'energy';
    const others = this.table.slice(1);
    if (isRankedAlone) {
      for (const { name } of others) if (!this.#isOver()) await this.#gate(name);
      return others.filter(({ name }) => this.#named(name).alone !== null).map(({ name }) => name);
    }
    const done: string[] = [];
    for (const group of groupsOf(others, groupSize(this.#baseline, budgetMs))) {
      if (this.#isOver() && done.length > 0) break;
      this.#put(await compareTogether(this.#trials, group, budgetMs));
      done.push(...group.map(({ name }) => name));
    }
    return done;
  }

  /** The best of the round before, each through the gate first; then together, so that finalists share their conditions. */
  async laterRound({ entrants, budgetMs }: RoundPlan): Promise<string[]> {
    const [asked, passed] = [new Set<string>(), new Set<string>()];
    while (passed.size < entrants && !(this.#isOver() && this.#hasAnswer())) {
      const next = this.#next(asked, passed);
      if (next === undefined) break;
      asked.add(next);
      if (this.#named(next).alone === null) await this.#gate(next);
      if (!this.#isHopeless(next)) passed.add(next);
    }
    const size = this.#isExhaustive ? 1 : groupSize(this.#baseline, budgetMs);
    for (const group of groupsOf(
      this.table.filter(({ name }) => passed.has(name)),
      size,
    )) {
      if (this.#isOver() && this.#hasAnswer()) break;
      this.#put(await compareTogether(this.#trials, group, budgetMs));
    }
    return [...asked];
  }

  /** In an exhaustive search nobody has been compared yet: all come in their order. */
  #next(asked: ReadonlySet<string>, passed: ReadonlySet<string>): string | undefined {
    const unseen = this.table
      .slice(1)
      .find(
        ({ rounds, alone, failure, name }) => !asked.has(name) && rounds === 0 && alone === null && failure === null,
      );
    const { request } = this.#trials;
    return nextEntrant(this.#contenders().slice(1), asked, passed, request)?.name ?? unseen?.name;
  }

  #hasAnswer(): boolean {
    return this.table.some(({ alone, paired }) => alone !== null && paired !== null);
  }

  #contenders(): Contender[] {
    return this.table.map((measured, at) => contenderFrom(measured, at === 0, this.#floorBytes, 0));
  }

  #isHopeless(name: string): boolean {
    return isHopeless(this.#contenders().find((contender) => contender.name === name)!, this.#trials.request);
  }

  #named(name: string): Measured {
    return this.table.find((measured) => measured.name === name)!;
  }

  async #gate(name: string): Promise<void> {
    const entry = this.#named(name);
    const known = this.table.find(({ variant, accuracy }) => variant === entry.variant && accuracy !== null)?.accuracy;
    this.#put([await gate(this.#trials, entry, this.#baseline, known ?? null)]);
  }

  #put(changed: readonly Measured[]): void {
    this.table = this.table.map((measured) => changed.find(({ name }) => name === measured.name) ?? measured);
  }
}

/** Fewer at once of a model whose rounds take long; eight rounds of three calls are the least. */
function groupSize({ result }: Observed<AloneResult>, budgetMs: number): number {
  const leastMs = (8 * 3 * result.latency.p50Us) / 1000;
  return Math.min(together.most, Math.max(1, Math.floor((together.budgetsPerRound * budgetMs) / leastMs)));
}

/** Neighbours in the list; whoever spins, or is large, runs with float32 alone. */
export function groupsOf(entries: readonly Measured[], most: number): Measured[][] {
  const groups: Measured[][] = [];
  for (const entry of entries) {
    const last = groups.at(-1);
    const bytes = (last ?? []).reduce((sum, { variant }) => sum + variant.sizeBytes, entry.variant.sizeBytes);
    const isApart = entry.settings.spinning || entry.settings.batch > 1;
    const fits =
      last &&
      last.length < most &&
      bytes <= together.bytes &&
      !isApart &&
      !last.some(({ settings }) => settings.spinning || settings.batch > 1);
    if (fits) last.push(entry);
    else groups.push([entry]);
  }
  return groups;
}
