/**
 * `npm run bench:agent [-- section…] [--long]`: the agent's figures, each beside its target, against a real mosquitto on loopback
 * where one takes part. The short form is for every day; `--long` has the numbers that are promised: a million messages of
 * backlog, 500 model switches, 1,000 kills.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BenchRow, runSections } from './sections.ts';

export type AgentBench = {
  /** Removed at the end. */
  readonly folder: string;
  readonly isLong: boolean;
  /** Hooks that run when the section is over, as tests have them. */
  readonly context: { after(work: () => unknown): void };
};

const sections: Readonly<Record<string, (bench: AgentBench) => Promise<readonly BenchRow[]>>> = {
  in: async (bench) => (await import('./agent/outbox-in.ts')).benchOutboxIn(bench),
  out: async (bench) => (await import('./agent/outbox-out.ts')).benchOutboxOut(bench),
  backlog: async (bench) => (await import('./agent/backlog.ts')).benchBacklog(bench),
  counters: async () => (await import('./agent/counters.ts')).benchCounters(),
  start: async (bench) => (await import('./agent/start.ts')).benchStart(bench),
  switches: async (bench) => (await import('./agent/switches.ts')).benchSwitches(bench),
  neighbours: async (bench) => (await import('./agent/neighbours.ts')).benchNeighbours(bench),
  kills: async (bench) => (await import('./agent/kills.ts')).benchKills(bench),
};

const words = process.argv.slice(2);
const wanted = words.filter((word) => word in sections);
const isLong = words.includes('--long');
const measure = Object.entries(sections).map(([name, run]) => [name, () => inFolder(run)] as const);
process.exit(await runSections(Object.fromEntries(measure), wanted));

async function inFolder(run: (bench: AgentBench) => Promise<readonly BenchRow[]>): Promise<readonly BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'octet-bench-'));
  const hooks: (() => unknown)[] = [];
  try {
    return await run({ folder, isLong, context: { after: (work) => hooks.push(work) } });
  } finally {
    for (const work of hooks) await work();
    await rm(folder, { recursive: true, force: true });
  }
}
