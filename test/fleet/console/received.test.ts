import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readReceived } from '../../../fleet/console/received.ts';
import { info, status } from './fake-device.ts';

const read = (topic: string, body: unknown) =>
  readReceived(topic, typeof body === 'string' ? body : JSON.stringify(body));

describe('a message from the broker', () => {
  it('is known by its topic and names its device', () => {
    assert.deepEqual(read('octet/1/d/gate-7/up/status', status), { kind: 'status', device: 'gate-7', body: status });
  });

  it('may carry fields that this version does not know', () => {
    const message = read('octet/1/d/gate-7/up/info', { ...info, fan: 'quiet' });
    assert.deepEqual(message, { kind: 'info', device: 'gate-7', body: info });
  });

  it('that lacks a field is malformed, and says which', () => {
    const { board: _removed, ...rest } = info;
    const message = read('octet/1/d/gate-7/up/info', rest);
    assert.ok(message?.kind === 'malformed' && message.problem.startsWith('board: '), JSON.stringify(message));
  });

  it('that is not JSON is malformed', () => {
    assert.equal(read('octet/1/d/gate-7/up/t/decisions', '{"stream":')?.kind, 'malformed');
  });

  for (const topic of [
    'octet/1/d/gate-7/up/bench/m/v',
    'octet/2/d/gate-7/up/status',
    'octet/1/d/gate-7/down/desired',
    'x',
    'octet/1/d/gate-7/up/constructor',
  ]) {
    it(`on ${topic} is not for this page`, () => assert.equal(read(topic, status), undefined));
  }

  it('that clears a retained one says nothing', () => {
    assert.equal(read('octet/1/d/gate-7/up/status', ''), undefined);
  });
});
