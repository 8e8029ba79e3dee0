/** `npm run check`: everything static. Each line is one tool; all of them run, and all that fails is shown. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const tools = [
  ['format, lint, layers, import cycles', 'biome', 'check', '--error-on-warnings', '.'],
  ['types', 'tsc', '-p', '.'],
  ['dead code and unused dependencies', 'knip', '--no-progress'],
] as const;

const failed = tools.filter(([what, tool, ...words]) => {
  const started = performance.now();
  const bin = join(import.meta.dirname, '..', 'node_modules', '.bin', tool);
  const { status } = spawnSync(bin, words, {
    cwd: join(import.meta.dirname, '..'),
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  console.log(
    `${status === 0 ? 'ok    ' : 'FAILED'} ${what} (${tool}, ${((performance.now() - started) / 1000).toFixed(1)} s)`,
  );
  return status !== 0;
});
process.exitCode = failed.length === 0 ? 0 : 1;
