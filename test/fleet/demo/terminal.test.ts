import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { decisionsFrom } from '../../../fleet/console/stream.ts';
import { tallyOf } from '../../../fleet/console/tally.ts';
import { noProgress, type Progress } from '../../../fleet/demo/follow.ts';
import { soFar, Terminal } from '../../../fleet/demo/terminal.ts';
import { decisions, reported } from '../console/fake-device.ts';

const slot = reported({ state: 'measuring', progress: 0.4 }).slots[0]!;
const measuring: Progress = {
  ...noProgress,
  outcome: 'running',
  slot,
  current: { step: 'measure', sinceMs: 1000, detail: 'block 3 of 8' },
  finished: [{ step: 'pull', durationMs: 800, detail: 'watch-exercise 1.0.0' }],
};

function screen(isTTY: boolean) {
  const written: string[] = [];
  return { isTTY, written, write: (text: string) => void written.push(text), text: () => written.join('') };
}

function decided(count: number) {
  const points = decisionsFrom(decisions(0, count));
  return { tally: tallyOf(points), decisions: points };
}

describe('the demo in a terminal', () => {
  it('keeps a finished step as a line, told once', () => {
    const plain = screen(false);
    const terminal = new Terminal(plain);
    terminal.progress(measuring, 2000);
    terminal.progress(measuring, 3000);
    assert.match(
      stripVTControlCharacters(plain.text()),
      /^✓ pull the signed model +0\.8 s {2}watch-exercise 1\.0\.0\n$/,
    );
  });

  it('rewrites one line with what goes on now', () => {
    const tty = screen(true);
    new Terminal(tty).progress(measuring, 13_300);
    assert.match(
      stripVTControlCharacters(tty.written.at(-1)!),
      /▸ measure each variant +12\.3 s +40\s% {2}block 3 of 8$/,
    );
  });

  it('takes the live line away before it writes one that stays', () => {
    const tty = screen(true);
    const terminal = new Terminal(tty);
    terminal.progress(measuring, 2000);
    terminal.line('the end');
    assert.deepEqual(tty.written.slice(-2), ['\r\x1b[2K', 'the end\n']);
  });

  it('shows every decision where somebody looks', () => {
    const tty = screen(true);
    new Terminal(tty).decisions(decided(3));
    assert.match(stripVTControlCharacters(tty.text()), /Pendulum .*✓ {2}3 decisions, 100\.0\s% right, p50 /);
  });

  it('gives no figures before the first decision', () => {
    assert.equal(soFar(decided(0)), 'no decision yet');
  });

  it('sums decisions up every so often where nobody looks', () => {
    const plain = screen(false);
    const terminal = new Terminal(plain);
    for (const count of [10, 49, 50, 60, 99, 100]) terminal.decisions(decided(count));
    assert.deepEqual(
      plain.written.map((line) => line.split(',')[0]),
      ['50 decisions', '100 decisions'],
    );
  });
});
