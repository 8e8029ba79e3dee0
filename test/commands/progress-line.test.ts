import assert from 'node:assert/strict';
import { test } from 'node:test';
import { progressLine } from '../../commands/progress-line.ts';
import type { Clock } from '../../runtime/base/clock.ts';

function fakeClock(): Clock & { advance(ms: number): void } {
  let nowMs = 0;
  return {
    wallMs: () => nowMs,
    monotonicMs: () => nowMs,
    sleep: () => Promise.resolve(),
    advance: (ms) => {
      nowMs += ms;
    },
  };
}

function fakeStream(isTTY: boolean) {
  const written: string[] = [];
  const stream = { isTTY, write: (text: string) => written.push(text) > 0 } as unknown as NodeJS.WriteStream;
  return { stream, written };
}

test('on a terminal, one line changes at most ten times a second and is gone at the end', () => {
  const clock = fakeClock();
  const { stream, written } = fakeStream(true);
  const line = progressLine(stream, clock);
  line.show(0, 'starting');
  line.show(0.1, 'too soon');
  clock.advance(10_000);
  line.show(0.25, 'observed 1 of 4');
  line.end();
  assert.deepEqual(written, [
    '\r\u001b[Kstarting · estimating the time left',
    '\r\u001b[Kobserved 1 of 4 · 30 s left',
    '\r\u001b[K',
  ]);
});

test('in a log, only work that takes a while is mentioned, on lines of their own', () => {
  const clock = fakeClock();
  const { stream, written } = fakeStream(false);
  const line = progressLine(stream, clock);
  line.show(0.5, 'short');
  clock.advance(60_000);
  line.show(0.2, 'long');
  line.end();
  assert.deepEqual(written, ['long · 4 min left\n']);
});
