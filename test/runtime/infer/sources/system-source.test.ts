import assert from 'node:assert/strict';
import { it } from 'node:test';
import { systemClock } from '../../../../runtime/base/clock.ts';
import { readingsUnder } from '../../../../runtime/hardware/readings.ts';
import { openSystem } from '../../../../runtime/infer/sources/system-source.ts';

const context = (names: readonly string[], stopping = new AbortController()) => ({
  pipeline: {
    channels: names.map((name) => ({ name, unit: '1' })),
    rateHz: 1000,
    window: { samples: 2, stride: 1 },
  },
  clock: systemClock,
  problems: { reporter: () => () => {} },
  signal: stopping.signal,
});

async function firstRows(names: readonly string[], count: number, readings = readingsUnder('/')): Promise<number[][]> {
  const stopping = new AbortController();
  const rows: number[][] = [];
  for await (const block of openSystem(context(names, stopping), readings)) {
    rows.push([...block.rows]);
    if (rows.length === count) stopping.abort();
  }
  return rows;
}

it('this machine tells its load and memory', async () => {
  const [[load, memory]] = (await firstRows(['cpu_load', 'memory_available'], 1)) as [[number, number]];
  assert.ok(load >= 0 && load <= 1, `load ${load}`);
  assert.ok(memory > 1e6, `memory ${memory}`);
});

it('counters tell by how much they grew, all interfaces but the loopback together', async () => {
  let round = 0;
  const text = (path: string) => {
    if (path !== '/proc/net/dev') return undefined;
    const received = 1000 + 500 * round++;
    return `head\nhead\n  lo: 9 0 0 0 0 0 0 0 9 0\n eth0: ${received} 0 0 0 0 0 0 0 ${received * 2} 0\nwlan0:10 0 0 0 0 0 0 0 20 0`;
  };
  const readings = { text, number: () => undefined, names: () => [] };
  assert.deepEqual(await firstRows(['network_received'], 2, readings), [[500], [500]]);
});

it('a reading that fails for once repeats the last one', async () => {
  const answers = ['0.5 0 0', undefined, '0.7 0 0'];
  const readings = { text: () => answers.shift(), number: () => undefined, names: () => [] };
  const rows = await firstRows(['load_average'], 3, readings);
  assert.deepEqual(rows.flat(), [0.5, 0.5, 0.7].map(Math.fround));
});

it('a channel that is no metric is refused with those there are', () => {
  assert.throws(() => openSystem(context(['cpu'])), {
    code: 'SOURCE_FAILED',
    message: /expected channels among cpu_load, load_average, .*, got cpu/,
  });
});
