/** `octet agent`: the daemon. Keeps its process small, and turns signals into a clean stop. */
import { enableCompileCache, getCompileCacheDir } from 'node:module';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import type { Command } from 'commander';
import { programRoot } from '../runtime/base/files.ts';

export function define(command: Command): void {
  command
    .requiredOption('--config <file>', 'what this device is called, its broker, its repository, its slots (JSON)')
    .action(run);
}

async function run({ config }: { config: string }): Promise<void> {
  const stopped = stopRequested();
  staySmall();
  const { runAgent } = await import('../agent/run-agent.ts');
  await runAgent(config, stopped);
}

/** Resolves on SIGTERM or SIGINT (a second one ends the process as usual), or when a parent that started it goes away. */
function stopRequested(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
    process.once('disconnect', resolve);
  });
}

/**
 * Before the agent's modules are loaded, because it is loading that makes the heap grow: V8's space for new objects stays
 * as it is (it would grow sixteenfold, for throughput that a daemon does not need), and compiled sources are kept
 * on disk, for this process and its children, which also start faster.
 */
function staySmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  enableCompileCache(join(programRoot(), 'node_modules', '.cache', 'octet'));
  // Undefined where the folder cannot be written: then everything is compiled anew, as usual.
  const folder = getCompileCacheDir();
  if (folder !== undefined) process.env.NODE_COMPILE_CACHE = folder;
}
