/**
 * Under which session settings variants are worth a trial: threads, spinning, arena, batches. Pure, and every exclusion has its
 * words. The usual settings come first, the others from simple to involved, which breaks ties later.
 */
import type { SessionSettings } from '../measure/session-settings.ts';
import type { Excluded } from './candidates.ts';
import type { Constraints, Objective } from './selection.ts';

export type SettingsHardware = {
  readonly cores: number;
  /** Physical cores of the fastest kind that this process may use, and their name. */
  readonly bigCores: number;
  readonly bigModel: string;
  /** Processes wanting to run, average over the last minute. */
  readonly load1: number;
};

export type SettingsWish = Constraints & {
  readonly usual: SessionSettings;
  /** False: only the usual ones. */
  readonly search: boolean;
  readonly objective: Objective;
  /** Whether several samples fit into one call. */
  readonly canBatch: boolean;
};

export type SettingsCandidates = {
  readonly included: readonly SessionSettings[];
  readonly excluded: readonly Excluded[];
};

/** On fewer cores a spinning thread takes the processor from the sensor and the agent. */
const fewestCoresToSpin = 4;
/** What the device may be doing beside, per core, before spinning is unkind. */
const idleLoad = 0.25;
const batches = [8, 32];

export function settingsCandidates(hardware: SettingsHardware, wish: SettingsWish): SettingsCandidates {
  const { usual } = wish;
  if (!wish.search) return { included: [usual], excluded: [] };
  const tried = wish.objective === 'memory' ? [] : threadCounts(hardware.bigCores);
  const counts = tried.filter((threads) => threads !== usual.threads);
  const whyNot = { spinning: noSpinning(hardware, wish), arena: arenaStays(wish), batch: noBatches(wish) };
  const withThreads = counts.map((threads) => ({ ...usual, threads }));
  const mostThreads = Math.max(usual.threads, ...counts);
  const included = [
    usual,
    ...withThreads,
    ...(whyNot.spinning === undefined ? [{ ...usual, threads: mostThreads, spinning: true }] : []),
    ...(whyNot.arena === undefined ? [{ ...usual, arena: false }] : []),
    ...(whyNot.batch === undefined
      ? batches.flatMap((batch) => [usual, ...withThreads.slice(-1)].map((settings) => ({ ...settings, batch })))
      : []),
  ];
  const excluded = Object.entries({ ...whyNot, threads: noMoreThreads(hardware, wish) })
    .filter((row): row is [keyof typeof names, string] => row[1] !== undefined)
    .map(([setting, reason]) => ({ name: names[setting], reason }));
  return { included, excluded };
}

const names = { threads: 'more threads', spinning: 'spinning', arena: 'no arena', batch: 'batches' } as const;

/** 1, 2, 4, … and all of them. */
export function threadCounts(cores: number): number[] {
  const powers = Array.from({ length: Math.floor(Math.log2(Math.max(1, cores))) + 1 }, (_, power) => 2 ** power);
  return [...new Set([...powers, Math.max(1, cores)])];
}

function noMoreThreads({ bigCores, bigModel, cores }: SettingsHardware, { objective }: SettingsWish): string {
  if (objective === 'memory') return 'they save no memory';
  const others = cores - bigCores;
  const why = others > 0 ? `the other ${others} would make every operator wait for them` : 'more would take turns';
  return `${bigCores} physical ${bigModel} ${bigCores === 1 ? 'core' : 'cores'}: ${why}`;
}

function noSpinning({ cores, bigCores, load1 }: SettingsHardware, { objective }: SettingsWish): string | undefined {
  if (objective === 'memory') return 'it saves no memory';
  if (bigCores < 2) return 'one thread has no other to wait for';
  if (cores < fewestCoresToSpin) return `on ${cores} cores a spinning thread takes the processor from sensor and agent`;
  if (load1 > idleLoad * cores) return `other work runs here (load ${load1.toFixed(1)} on ${cores} cores)`;
  return undefined;
}

function arenaStays({ objective, memoryBytes, memoryIncrementBytes }: SettingsWish): string | undefined {
  if (objective === 'memory' || memoryBytes !== undefined || memoryIncrementBytes !== undefined) return undefined;
  return 'costs time and saves memory, which is neither limited nor the objective';
}

function noBatches({ objective, canBatch }: SettingsWish): string | undefined {
  if (objective !== 'throughput') return `samples that wait for each other are of no use to ${objective}`;
  return canBatch ? undefined : 'the model takes one sample at a time (its first axis is fixed)';
}
