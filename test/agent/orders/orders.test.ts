import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { CompactSign, importJWK, type JWK } from 'jose';
import { topics } from '../../../agent/protocol/topics.ts';
import type { OperatorPrivateKey } from '../../../fleet/operator/operator-keys.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { device, entry, operatorKey, orderDesk } from '../../support/order-desk.ts';

const alice = operatorKey('alice');
const desired = topics.desired(device);
const { slot, ...rest } = entry('a');

/** A JWS with any header and claims, however wrong. */
async function forge(claims: object | string, header: object, { kty, crv, x, d }: OperatorPrivateKey = alice) {
  const text = typeof claims === 'string' ? claims : JSON.stringify(claims);
  const key = await importJWK({ kty, crv, x, d } satisfies JWK, 'EdDSA');
  return new CompactSign(new TextEncoder().encode(text)).setProtectedHeader({ alg: 'EdDSA', ...header }).sign(key);
}

describe('an order', () => {
  const claims = (more: object = {}) => ({
    iss: 'alice',
    aud: device,
    iat: 1_780_000_000,
    version: 1,
    slots: [entry('a')],
    ...more,
  });
  const header = { kid: alice.kid, topic: desired };

  it('that is genuine is obeyed: its slot gets what the document says, under the name of its version', async (t) => {
    const desk = await orderDesk(t, { keys: [alice] });
    await desk.deliver(desired, await forge(claims(), header));
    assert.deepEqual(desk.slot.given, [{ kind: 'deploy', jobId: 'desired-1-main', slot, ...rest }]);
    assert.equal(desk.desk.reported.desiredVersion, 1);
    assert.deepEqual(desk.codes(), []);
  });

  const wrong: Readonly<Record<string, readonly [string, () => Promise<string> | string]>> = {
    'is no JWS': ['ORDER_INVALID', () => '{"version":1}'],
    'is empty but for dots': ['ORDER_INVALID', () => '..'],
    'has a header that is no JSON': ['ORDER_INVALID', () => 'e.e.e'],
    'is unsigned (alg none)': ['ORDER_INVALID', () => `${btoa('{"alg":"none"}').replaceAll('=', '')}.e30.AA`],
    'is signed by a key that is not obeyed': [
      'ORDER_KEY_UNKNOWN',
      () => forge(claims(), { ...header, kid: operatorKey('mallory').kid }, operatorKey('mallory')),
    ],
    "bears a known key's name and another's signature": [
      'ORDER_SIGNATURE',
      () => forge(claims(), header, operatorKey('mallory')),
    ],
    'has had its claims changed': [
      'ORDER_SIGNATURE',
      async () => changed(await forge(claims(), header), claims({ version: 9 })),
    ],
    'was signed for another topic': [
      'ORDER_TOPIC',
      () => forge(claims(), { ...header, topic: topics.desired('pump-8') }),
    ],
    'is meant for another device': ['ORDER_AUDIENCE', () => forge(claims({ aud: 'pump-8' }), header)],
    'is signed in the name of another operator': ['ORDER_KEY_UNKNOWN', () => forge(claims({ iss: 'bob' }), header)],
    'has expired': ['ORDER_EXPIRED', () => forge(claims({ exp: 1_780_000_001 }), header)],
    'claims to be signed tomorrow': ['ORDER_INVALID', () => forge(claims({ iat: 1_780_400_000 }), header)],
    'has claims that are no JSON': ['ORDER_INVALID', () => forge('}', header)],
    'has a digest that is none': [
      'ORDER_INVALID',
      () => forge(claims({ slots: [{ ...entry('a'), digest: '../x' }] }), header),
    ],
    'names a slot twice': ['ORDER_INVALID', () => forge(claims({ slots: [entry('a'), entry('b')] }), header)],
    'is larger than 128 KiB': ['ORDER_INVALID', () => `e30.${'A'.repeat(131_072)}.AA`],
  };
  for (const [what, [code, make]] of Object.entries(wrong))
    it(`that ${what} is refused as ${code}, which is reported, and nothing changes`, async (t) => {
      // 2026-05-29, a day after the orders were signed.
      const desk = await orderDesk(t, { keys: [alice], clock: new FakeClock(1_780_090_000_000) });
      await desk.deliver(desired, await make());
      assert.deepEqual(desk.codes(), [code]);
      assert.deepEqual(desk.slot.given, []);
      assert.equal(desk.desk.reported.desiredVersion, 0);
      assert.equal(desk.store.documents.get('desired'), undefined);
    });

  it('is refused by a device that pins no key', async (t) => {
    const desk = await orderDesk(t, { keys: [] });
    await desk.deliver(desired, await forge(claims(), header));
    assert.deepEqual(desk.codes(), ['ORDER_KEY_UNKNOWN']);
  });

  it('comes again and again, as a retained message does, without effect', async (t) => {
    const desk = await orderDesk(t, { keys: [alice] });
    const order = await forge(claims(), header);
    for (let time = 0; time < 3; time += 1) await desk.deliver(desired, order);
    assert.equal(desk.slot.given.length, 1);
    assert.deepEqual(desk.codes(), []);
  });

  it('of an older version is a replay; another one of the same version is a conflict', async (t) => {
    const desk = await orderDesk(t, { keys: [alice] });
    await desk.desire(5, [entry('a')]);
    await desk.desire(4, [entry('b')]);
    await desk.desire(5, [entry('b')]);
    assert.deepEqual(desk.codes(), ['ORDER_REPLAYED', 'ORDER_CONFLICT']);
    await desk.desire(6, [entry('b')]);
    assert.deepEqual(
      desk.slot.given.map(({ jobId }) => jobId),
      ['desired-5-main', 'desired-6-main'],
    );
  });

  it('that may expire waits for the clock, is shown as queued, and is obeyed once the clock is right', async (t) => {
    let isRight = false;
    const desk = await orderDesk(t, { keys: [alice], isClockRight: () => isRight });
    await desk.give('r1', 'restart', { what: 'runner' });
    assert.equal(desk.slot.restarts, 0);
    assert.deepEqual(
      desk.shown.map(({ job, state }) => [job, state]),
      [['r1', 'queued']],
    );
    isRight = true;
    desk.desk.tick();
    await desk.desk.idle;
    await desk.clock.advance(1);
    assert.equal(desk.slot.restarts, 1);
    assert.equal(desk.states('r1').at(-1)?.state, 'succeeded');
  });

  it('that never expires does not wait for the clock', async (t) => {
    const desk = await orderDesk(t, { keys: [alice], isClockRight: () => false });
    await desk.desire(1, [entry('a')]);
    assert.equal(desk.slot.given.length, 1);
  });

  it('is remembered over a restart: versions, jobs and keys', async (t) => {
    const before = await orderDesk(t, { keys: [alice] });
    await before.desire(7, [entry('a')]);
    await before.end();
    const after = await orderDesk(t, { keys: [alice], store: before.store, clock: before.clock });
    assert.equal(after.desk.reported.desiredVersion, 7);
    await after.clock.advance(1);
    assert.deepEqual(
      after.slot.given.map(({ jobId }) => jobId),
      ['desired-7-main'],
      'what had not settled is given again',
    );
    await after.desire(6, [entry('b')]);
    assert.deepEqual(after.codes(), ['ORDER_REPLAYED']);
  });

  it('under a flood of junk costs no disk: one event a minute for each kind of refusal', async (t) => {
    const desk = await orderDesk(t, { keys: [alice] });
    for (let count = 0; count < 200; count += 1) await desk.deliver(desired, `junk ${count}`);
    assert.equal(desk.store.outbox.countUpTo('event', 10), 1);
    assert.equal(desk.desk.reported.refused?.at(-1)?.times, 200);
    assert.ok(desk.counts.changes <= 2, `${desk.counts.changes}`);
  });
});

function changed(jws: string, claims: object): string {
  const [header, , signature] = jws.split('.');
  return `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}`;
}

describe('keys of operators', () => {
  const bob = operatorKey('bob');
  const pub = ({ d: _secret, ...key }: OperatorPrivateKey) => key;
  const rotated = async (t: TestContext) => {
    const desk = await orderDesk(t, { keys: [alice] });
    await desk.give('k1', 'rotate-keys', { add: [pub(bob)] });
    assert.equal(desk.states('k1').at(-1)?.state, 'succeeded');
    return desk;
  };

  it('are added by a current key: the new one is obeyed, at once and after a restart', async (t) => {
    const desk = await rotated(t);
    await desk.desire(1, [entry('a')], bob);
    assert.equal(desk.slot.given.length, 1);
    await desk.end();
    const after = await orderDesk(t, { keys: [alice], store: desk.store, clock: desk.clock });
    await after.desire(2, [entry('b')], bob);
    assert.equal(after.desk.reported.desiredVersion, 2);
  });

  it('are removed, also by themselves, and are then obeyed no more', async (t) => {
    const desk = await rotated(t);
    await desk.give('k2', 'rotate-keys', { remove: [alice.kid] }, bob);
    await desk.desire(1, [entry('a')], alice);
    assert.deepEqual(desk.codes(), ['ORDER_KEY_UNKNOWN']);
    assert.deepEqual(desk.desk.reported.keys, [bob.kid]);
  });

  it('are never fewer than one', async (t) => {
    const desk = await orderDesk(t, { keys: [alice] });
    await desk.give('k1', 'rotate-keys', { remove: [alice.kid] });
    const end = desk.states('k1').at(-1);
    assert.equal(end?.state, 'rejected');
    assert.match(end?.error?.message ?? '', /at least one key/);
    assert.deepEqual(desk.desk.reported.keys, [alice.kid]);
  });

  it('whose name is not their thumbprint are refused', async (t) => {
    const desk = await orderDesk(t, { keys: [alice] });
    await desk.give('k1', 'rotate-keys', { add: [{ ...pub(bob), kid: alice.kid }] });
    assert.match(desk.states('k1').at(-1)?.error?.message ?? '', /thumbprint/);
  });

  it('are begun anew by a file that was changed on the device', async (t) => {
    const desk = await rotated(t);
    await desk.end();
    const carol = operatorKey('carol');
    const after = await orderDesk(t, { keys: [carol], store: desk.store, clock: desk.clock });
    assert.deepEqual(after.desk.reported.keys, [carol.kid]);
  });
});
