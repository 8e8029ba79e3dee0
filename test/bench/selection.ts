/**
 * `npm run bench:selection [-- section… model…]`: whether the race finds what an exhaustive search finds, in less time, and the same each
 * time. Words that are no section choose models: `-- regret resnet8`. Figures of several parts are put together by hand.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pico from 'picocolors';
import { benchBench } from './bench.ts';
import type { BenchRow } from './run.ts';

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
let missed = 0;
try {
  for (const [name, run] of Object.entries(sections)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    console.log(pico.bold(name));
    for (const row of await run(work, models)) {
      if (!row.ok) missed += 1;
      const verdict = row.ok ? pico.green('met   ') : pico.red('MISSED');
      console.log(
        `  ${verdict} ${row.name.padEnd(64)} ${row.value.toPrecision(4).padStart(10)} ${row.unit.padEnd(8)} ${pico.dim(row.target)}`,
      );
    }
  }
} finally {
  await rm(work, { recursive: true, force: true });
}
process.exitCode = missed === 0 ? 0 : 1;
