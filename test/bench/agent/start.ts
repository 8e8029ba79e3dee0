/** From the start of the agent's process to the first decision of a model that was active before, as a file sink sees it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { median } from '../../../runtime/measure/statistics.ts';
import { type Agent, install } from '../../system/agent-fixture.ts';
import type { AgentBench } from '../agent.ts';
import type { BenchRow } from '../sections.ts';

export async function benchStart({ context, isLong }: AgentBench): Promise<BenchRow[]> {
  // Nobody listens there: a start must not wait for a broker.
  const installation = await install(context, { brokerUrl: 'mqtt://127.0.0.1:1', speed: 60 });
  await installation.knowFloat32();
  const decisions = join(installation.dataFolder, 'decisions.jsonl');
  const count = () => (existsSync(decisions) ? readFileSync(decisions, 'utf8').split('\n').length : 0);
  const decidedAfterMs = async (agent: Agent, before: number, startMs: number): Promise<number> => {
    while (count() <= before) {
      if (agent.process.exitCode !== null) throw new Error(`expected the agent to run, got its end: ${agent.log()}`);
      await sleep(5);
    }
    return performance.now() - startMs;
  };
  const [starts, stops]: [number[], number[]] = [[], []];
  for (let round = 0; round <= (isLong ? 20 : 5); round += 1) {
    const before = count();
    const startMs = performance.now();
    const agent = installation.start();
    starts.push(await decidedAfterMs(agent, before, startMs));
    await sleep(1000);
    const stopMs = performance.now();
    agent.process.kill('SIGTERM');
    await agent.exitCode();
    stops.push(performance.now() - stopMs);
  }
  // The first one pulls the model.
  const [start, stop] = [median(starts.slice(1)), Math.max(...stops)];
  return [
    { name: 'start to first decision, median', value: start, unit: 'ms', target: '≤ 3,000 ms', ok: start <= 3000 },
    { name: 'graceful stop, slowest', value: stop, unit: 'ms', target: '< 2,000 ms', ok: stop < 2000 },
  ];
}
