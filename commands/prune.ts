/** `octet prune`: a smaller model from a float one, tuned towards it without labels. */
import type { Command } from 'commander';
import { systemClock } from '../runtime/base/clock.ts';
import { watchInterrupt } from './interrupt.ts';
import { progressLine } from './progress-line.ts';
import { pruneFile } from './prune-file.ts';
import { pruneLines } from './prune-lines.ts';
import { addPruneOptions, type PruneCommandOptions, pruneRecipeFrom } from './prune-options.ts';

export function define(command: Command): void {
  addPruneOptions(command).action(run);
}

async function run(path: string, options: PruneCommandOptions): Promise<void> {
  const progress = progressLine(process.stderr, systemClock);
  using interrupt = watchInterrupt('interrupted; nothing was written');
  try {
    const recipe = await pruneRecipeFrom(options);
    const running = { onProgress: progress.show, signal: interrupt.signal };
    const result = await pruneFile(path, recipe, options, running);
    progress.end();
    process.stdout.write(`${options.json ? JSON.stringify(result) : pruneLines(result).join('\n')}\n`);
  } finally {
    progress.end();
  }
}
