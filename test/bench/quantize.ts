/**
 * `npm run bench:quantize [-- section… model…]`: the quantiser's figures, each beside its target. Words that are no section choose
 * models: `-- latency resnet8`. What `npm run peers` has made takes part where it is there; nothing else is kept between runs.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pico from 'picocolors';
import type { BenchRow } from './run.ts';

/** Rows when they are all there, or each as soon as it is measured. */
type Rows = readonly BenchRow[] | AsyncIterable<BenchRow>;
type Section = (work: string, models: readonly string[]) => Promise<Rows>;

const sections: Readonly<Record<string, Section>> = {
  latency: async (work, models) => (await import('./quantize/latency.ts')).benchLatency(work, models),
  litert: async (work, models) => (await import('./quantize/litert.ts')).benchLiteRt(work, models),
  memory: async (work, models) => (await import('./quantize/memory.ts')).benchMemory(work, models),
  time: async (work, models) => (await import('./quantize/wall-time.ts')).benchTime(work, models),
  accuracy: async (work, models) => (await import('./quantize/accuracy.ts')).benchAccuracy(work, models),
  large: async (work) => (await import('./quantize/large-model.ts')).benchLarge(work),
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
    for await (const row of await run(work, models)) {
      if (!row.ok) missed += 1;
      console.log(lineOf(row));
    }
  }
} finally {
  await rm(work, { recursive: true, force: true });
}
process.exitCode = missed === 0 ? 0 : 1;

function lineOf({ ok, name, value, unit, target }: BenchRow): string {
  const verdict = ok ? pico.green('met   ') : pico.red('MISSED');
  return `  ${verdict} ${name.padEnd(64)} ${value.toPrecision(4).padStart(10)} ${unit.padEnd(8)} ${pico.dim(target)}`;
}
