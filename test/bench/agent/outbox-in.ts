/** How many messages a second the outbox takes, fsynced in groups of at most one second: points as streams write them, and single rows. */
import { Outbox } from '../../../agent/outbox/outbox.ts';
import { openStore } from '../../../agent/store/open-store.ts';
import type { NewRow } from '../../../agent/store/outbox-table.ts';
import { StreamWriter } from '../../../agent/telemetry/stream-writer.ts';
import { systemClock } from '../../../runtime/base/clock.ts';
import { median } from '../../../runtime/measure/statistics.ts';
import type { AgentBench } from '../agent.ts';
import type { BenchRow } from '../sections.ts';

const group = 100_000;
const rounds = 5;

export async function benchOutboxIn({ folder }: AgentBench): Promise<BenchRow[]> {
  using store = openStore(folder);
  const limits = { maxBytes: 2 ** 29, maxAgeMs: 2 ** 40 };
  const log = { warn: () => undefined };
  const outbox = new Outbox({
    store,
    clock: systemClock,
    limits,
    log,
    topicOf: (stream) => stream,
    random: Math.random,
  });
  const perSecond = (take: (round: number) => void) =>
    median(
      Array.from({ length: rounds }, (_, round) => {
        const startMs = performance.now();
        take(round);
        return (1000 * group) / (performance.now() - startMs);
      }),
    );
  const writer = new StreamWriter('bench');
  const epoch = writer.begin('decisions', '1-a');
  const points = perSecond(() => {
    for (let count = 0; count < group; count += 1)
      epoch.append(epoch.next, [1_790_000_000_000_000 + count, epoch.next, 'jumping_jacks', 0.9731, 412]);
    outbox.commit(writer.take(Date.now()).batches);
  });
  const rows = perSecond((round) => outbox.commit(Array.from({ length: group }, (_, index) => rowOf(round, index))));
  const row = (name: string, value: number): BenchRow => ({
    ...{ name, value, unit: '/s', target: '≥ 100,000 messages a second in', ok: value >= 100_000 },
  });
  return [row('points in, from decision to fsync', points), row('single rows in, fsynced in one group', rows)];
}

function rowOf(round: number, index: number): NewRow {
  const seq = round * group + index;
  return {
    ...{ class: 'telemetry', topic: 'octet/1/d/bench/up/t/single', qos: 1, retain: false, createdMs: Date.now() },
    payload: `[[1790000000000000,${seq},"jumping_jacks",0.9731,412]]`,
    range: { stream: 'single', epoch: '1-a', first: seq, last: seq },
  };
}
