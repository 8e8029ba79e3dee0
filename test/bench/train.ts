/**
 * `npm run bench:train [-- section… word…]`: the figures of training on the device, each beside its target. Words that are no
 * section choose among a section's rows: `-- qat 4,8`.
 */
import { type BenchRow, runSections } from './sections.ts';

const sections: Readonly<Record<string, (words: readonly string[]) => Promise<readonly BenchRow[]>>> = {
  criteria: async (words) => (await import('./train/prune-criteria.ts')).benchCriteria(words),
  prune: async (words) => (await import('./train/prune.ts')).benchPrune(words),
  step: async (words) => (await import('./train/step-time.ts')).benchStep(words),
  memory: async () => (await import('./train/peak-memory.ts')).benchMemory(),
  qat: async (words) => (await import('./train/qat-rows.ts')).benchQat(words),
};

const words = process.argv.slice(2);
const wanted = words.filter((word) => word in sections);
const others = words.filter((word) => !(word in sections));
const measure = Object.entries(sections).map(([name, run]) => [name, () => run(others)] as const);
process.exitCode = await runSections(Object.fromEntries(measure), wanted);
