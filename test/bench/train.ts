/**
 * `npm run bench:train [-- section… word…]`: the figures of training on the device, each beside its target. Words that are no
 * section choose among a section's rows: `-- qat 4,8`.
 */
import pico from 'picocolors';
import type { BenchRow } from './run.ts';

const sections: Readonly<Record<string, (words: readonly string[]) => Promise<readonly BenchRow[]>>> = {
  criteria: async (words) => (await import('./train/prune-criteria.ts')).benchCriteria(words),
  prune: async (words) => (await import('./train/prune.ts')).benchPrune(words),
  step: async (words) => (await import('./train/step-time.ts')).benchStep(words),
  memory: async () => (await import('./train/peak-memory.ts')).benchMemory(),
  qat: async (words) => (await import('./train/qat-rows.ts')).benchQat(words),
};

const words = process.argv.slice(2);
const wanted = words.filter((word) => word in sections);
let missed = 0;
for (const [name, run] of Object.entries(sections)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  console.log(pico.bold(name));
  for (const { ok, name: row, value, unit, target } of await run(words.filter((word) => !(word in sections)))) {
    if (!ok) missed += 1;
    const verdict = ok ? pico.green('met   ') : pico.red('MISSED');
    console.log(`  ${verdict} ${row.padEnd(72)} ${value.toFixed(2).padStart(8)} ${unit.padEnd(7)} ${pico.dim(target)}`);
  }
}
process.exitCode = missed === 0 ? 0 : 1;
