/**
 * `npm run bench:selection [-- section… model…]`: whether the race finds what an exhaustive search finds, in less time, and the same each
 * time. Words that are no section choose models: `-- regret resnet8`. Figures of several parts are put together by hand.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { benchBench } from './bench.ts';
import { type BenchRow, runSections } from './sections.ts';

type Section = (work: string, models: readonly string[]) => Promise<readonly BenchRow[]>;

const sections: Readonly<Record<string, Section>> = {
  regret: async (work, models) => (await import('./selection/regret.ts')).benchRegret(work, models),
  repeat: async (work, models) => (await import('./selection/repeat.ts')).benchRepeat(work, models),
  bench: async () => benchBench(),
};

const words = process.argv.slice(2);
const wanted = words.filter((word) => word in sections);
const models = words.filter((word) => !(word in sections));
const work = await mkdtemp(join(tmpdir(), 'octet-bench-'));
const measure = Object.entries(sections).map(([name, run]) => [name, () => run(work, models)] as const);
try {
  process.exitCode = await runSections(Object.fromEntries(measure), wanted);
} finally {
  await rm(work, { recursive: true, force: true });
}
