/**
 * `npm run bench [-- name…]`: every figure that Octet promises, measured here and printed beside its target. Figures that
 * compare are ratios from one run, because machines are shared and noisy.
 */
import pico from 'picocolors';

export type BenchRow = {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** In words: `≤ 60 s`. */
  readonly target: string;
  readonly ok: boolean;
};

const benches = {
  demo: async () => (await import('./demo.ts')).benchDemo(),
  runner: async () => (await import('./runner.ts')).benchRunner(),
  agent: async () => (await import('./agent-memory.ts')).benchAgentMemory(),
  bench: async () => (await import('./bench.ts')).benchBench(),
} as const satisfies Record<string, () => Promise<readonly BenchRow[]>>;

const wanted = process.argv.slice(2);
let missed = 0;
for (const [name, run] of Object.entries(benches)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  console.log(pico.bold(name));
  for (const row of await run()) {
    if (!row.ok) missed += 1;
    console.log(
      `  ${row.ok ? pico.green('met   ') : pico.red('MISSED')} ${row.name.padEnd(56)} ${row.value.toPrecision(4).padStart(10)} ${row.unit.padEnd(8)} ${pico.dim(row.target)}`,
    );
  }
}
process.exitCode = missed === 0 ? 0 : 1;
