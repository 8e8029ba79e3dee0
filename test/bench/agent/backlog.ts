/** The memory of a drain does not depend on how much waits: peaks of fresh processes, with a short backlog and with a long one. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openStore } from '../../../agent/store/open-store.ts';
import { nodeOptions } from '../../../runtime/base/children.ts';
import type { AgentBench } from '../agent.ts';
import type { BenchRow } from '../sections.ts';

const short = 20_000;

export async function benchBacklog({ folder, isLong }: AgentBench): Promise<BenchRow[]> {
  const long = isLong ? 1_000_000 : 200_000;
  const peakOf = (rows: number) => peakBytes(backlogOf(join(folder, String(rows)), rows)) / 2 ** 20;
  const [few, many] = [peakOf(short), peakOf(long)];
  const row = (rows: number, value: number): BenchRow => ({
    ...{ name: `peak memory draining ${rows.toLocaleString('en-US')} messages' backlog`, value, unit: 'MiB' },
    ...{ target: '(stated)', ok: true },
  });
  const growth = many / few;
  return [
    row(short, few),
    row(long, many),
    { name: 'long over short backlog', value: growth, unit: '', target: '≤ 1.1: flat', ok: growth <= 1.1 },
  ];
}

function backlogOf(folder: string, rows: number): string {
  mkdirSync(folder);
  using store = openStore(folder, { maxBytes: 2 ** 32 });
  for (let from = 0; from < rows; from += 100_000)
    store.transaction(() => {
      for (let seq = from; seq < Math.min(rows, from + 100_000); seq += 1)
        store.outbox.insert({
          ...{ class: 'telemetry', topic: 't', payload: `[[${seq},"label",0.5,400]]`, qos: 1, retain: false },
          ...{ createdMs: Date.now(), range: { stream: `s${seq % 7}`, epoch: '1-a', first: seq, last: seq } },
        });
    });
  return folder;
}

function peakBytes(folder: string): number {
  const child = join(import.meta.dirname, 'backlog-child.ts');
  const { execPath, execArgv, env } = nodeOptions();
  const { stdout, status } = spawnSync(execPath, [...execArgv, child, folder, String(short / 2)], {
    ...{ env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
  });
  if (status !== 0) throw new Error(`expected the drain to end, got exit code ${status}`);
  return Number(stdout);
}
