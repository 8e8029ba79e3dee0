/** `octet agent`: the daemon. Turns signals into a clean stop. */
import type { Command } from 'commander';

export function define(command: Command): void {
  command
    .requiredOption('--config <file>', 'what this device is called, its broker, its repository, its slots (JSON)')
    .action(run);
}

async function run({ config }: { config: string }): Promise<void> {
  const stopped = stopRequested();
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
