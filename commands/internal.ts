/** The processes of Octet that nobody starts by hand: children of its own, and the programs between a local broker and a runner. */
import type { Command } from 'commander';
import type { LocalProgram, LocalTopic } from '../agent/local-mqtt/commands.ts';
import type { ChildName } from '../runtime/base/children.ts';

const children = {
  runner: () => import('../runtime/infer/runner-process.ts'),
  builder: () => import('../runtime/quantize/builder-process.ts'),
  search: () => import('../runtime/quantize/auto/auto-process.ts'),
  trial: () => import('../runtime/measure/trial-process.ts'),
  helper: () => import('../agent/helper/helper-process.ts'),
} as const satisfies Record<ChildName, () => Promise<{ main(): Promise<void> }>>;

const programs = {
  'mqtt-source': async (topic) => (await import('../agent/local-mqtt/programs.ts')).runMqttSource(topic),
  'mqtt-sink': async (topic) => (await import('../agent/local-mqtt/programs.ts')).runMqttSink(topic),
} as const satisfies Record<LocalProgram, (topic: LocalTopic) => Promise<void>>;

export function define(command: Command): void {
  for (const [name, load] of Object.entries(children)) {
    command.command(name).action(async () => (await load()).main());
  }
  for (const [name, run] of Object.entries(programs)) {
    command
      .command(name)
      .argument('<topic>')
      .action((topic: string) => run(JSON.parse(topic)));
  }
}
