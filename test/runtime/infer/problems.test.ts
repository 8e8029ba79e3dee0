import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OctetError } from '../../../runtime/base/errors.ts';
import type { RunnerEvent } from '../../../runtime/infer/messages.ts';
import { createProblems } from '../../../runtime/infer/problems.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const failure = (text: string) => new OctetError('SINK_FAILED', text);

function problemsWith(clock: FakeClock) {
  const said: [string, number][] = [];
  const emit = (event: RunnerEvent) => event.kind === 'problem' && said.push([event.error.message, event.count]);
  return { said, problems: createProblems(clock, emit) };
}

describe('problems', () => {
  it('are said at once, then counted and said with the latest text every ten seconds', async () => {
    const clock = new FakeClock();
    const { said, problems } = problemsWith(clock);
    const report = problems.reporter();
    for (let second = 0; second < 25; second++) {
      report(failure(`at ${second}`));
      await clock.advance(1000);
    }
    assert.deepEqual(said, [
      ['at 0', 1],
      ['at 10', 11],
      ['at 20', 21],
    ]);
    problems.flush();
    assert.deepEqual(said.at(-1), ['at 24', 25]);
    problems.flush();
    assert.equal(said.length, 4);
  });

  it('are counted apart for each reporter', () => {
    const { said, problems } = problemsWith(new FakeClock());
    problems.reporter()(failure('one'));
    problems.reporter()(failure('two'));
    assert.deepEqual(said, [
      ['one', 1],
      ['two', 1],
    ]);
  });
});
