/**
 * kill -9 of a whole agent at random moments, again and again: nothing that was confirmed to be stored is lost, nothing arrives
 * twice under one number that differs, the store stays intact, and there is always a model to load.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { DeploymentState } from '../../../agent/deployment/state.ts';
import { openStore } from '../../../agent/store/open-store.ts';
import { sha256OfFile } from '../../../runtime/base/files.ts';
import { mosquitto } from '../../support/mosquitto.ts';
import { Consumer, install } from '../../system/agent-fixture.ts';
import type { AgentBench } from '../agent.ts';
import type { BenchRow } from '../sections.ts';

export async function benchKills({ context, isLong }: AgentBench): Promise<BenchRow[]> {
  const kills = isLong ? 1000 : 15;
  const broker = await mosquitto(context);
  await broker.start();
  const consumer = await Consumer.connect(context, broker.url);
  const installation = await install(context, { brokerUrl: broker.url, speed: 60 });
  await installation.knowFloat32();
  let [damaged, unloadable] = [0, 0];
  for (let kill = 0; kill < kills; kill += 1) {
    const agent = installation.start();
    await sleep(50 + 2500 * Math.random());
    agent.process.kill('SIGKILL');
    await agent.exitCode();
    try {
      using store = openStore(installation.dataFolder);
      const { active } = JSON.parse(store.slots.get('main') ?? '{}') as Partial<DeploymentState>;
      if (active && (await sha256OfFile(active.path)) !== active.sha256) unloadable += 1;
    } catch {
      damaged += 1; // counted: what is wrong with it is in the folder
    }
  }
  const agent = installation.start();
  const epochs = consumer.of('decisions').epochs.length;
  while (consumer.of('decisions').epochs.length <= epochs) await sleep(100);
  await sleep(3000);
  agent.process.kill('SIGTERM');
  await agent.exitCode();
  const { missing, duplicates } = consumer.of('decisions');
  const row = (name: string, value: number, target = 'none'): BenchRow => ({
    ...{ name, value, unit: '', target, ok: target !== 'none' || value === 0 },
  });
  return [
    row('kill -9 at random moments', kills, '(1,000 with --long)'),
    row('stores damaged', damaged),
    row('active models that could not be loaded', unloadable),
    row('decisions confirmed to be stored and lost', missing.length),
    row('sent again, as QoS 1 may', duplicates, '(removed by their numbers)'),
  ];
}
