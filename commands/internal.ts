/** The child processes: started by Octet itself as `internal <name>`, never by hand. */
import type { Command } from 'commander';
import type { ChildName } from '../runtime/base/children.ts';

const children = {
  runner: () => import('../runtime/infer/runner-process.ts'),
  builder: () => import('../runtime/quantize/builder-process.ts'),
  trial: () => import('../runtime/measure/trial-process.ts'),
  helper: () => import('../agent/helper/helper-process.ts'),
} as const satisfies Record<ChildName, () => Promise<{ main(): Promise<void> }>>;

export function define(command: Command): void {
  for (const [name, load] of Object.entries(children)) {
    command.command(name).action(async () => (await load()).main());
  }
}
