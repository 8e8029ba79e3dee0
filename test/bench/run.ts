/**
 * `npm run bench [-- name…]`: every figure that Octet promises, measured here and printed beside its target. Figures that
 * compare are ratios from one run, because machines are shared and noisy.
 */
import { runSections, type Sections } from './sections.ts';

const benches: Sections = {
  demo: async () => (await import('./demo.ts')).benchDemo(),
  runner: async () => (await import('./runner.ts')).benchRunner(),
  agent: async () => (await import('./agent-memory.ts')).benchAgentMemory(),
  bench: async () => (await import('./bench.ts')).benchBench(),
};

process.exitCode = await runSections(benches, process.argv.slice(2));
