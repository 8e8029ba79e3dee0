import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, it, type TestContext } from 'node:test';
import { makeOperatorKey, type OperatorPrivateKey, readOperatorKey } from '../../fleet/operator/operator-keys.ts';
import { programPath } from '../../runtime/base/children.ts';
import { embeddedBroker } from '../support/embedded-broker.ts';
import { mosquitto } from '../support/mosquitto.ts';
import { device } from '../support/order-desk.ts';
import { missing } from '../support/requirements.ts';
import { type Behaviour, smallDevice } from '../support/small-device.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

type Outcome = { readonly code: number; readonly out: string; readonly err: string };

/** `octet fleet …` with a configuration folder of its own. */
async function fleet(home: string, ...words: readonly string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [programPath(), 'fleet', ...words], {
    env: { ...process.env, XDG_CONFIG_HOME: home, NO_COLOR: '1' },
  });
  const chunks = { out: '', err: '' };
  child.stdout.on('data', (chunk) => (chunks.out += chunk));
  child.stderr.on('data', (chunk) => (chunks.err += chunk));
  const [code] = (await once(child, 'close')) as [number];
  return { code, ...chunks };
}

/** A home with alice's key and a site file for the broker. */
async function homeFor(t: TestContext, url: string): Promise<{ home: string; key: OperatorPrivateKey }> {
  const home = await temporaryFolder(t);
  const { privateFile } = await makeOperatorKey('alice', join(home, 'octet', 'keys'));
  await writeFile(join(home, 'octet', 'fleet.json'), JSON.stringify({ broker: { url } }));
  return { home, key: await readOperatorKey(privateFile) };
}

async function startedMosquitto(t: TestContext): Promise<string> {
  const broker = await mosquitto(t);
  await broker.start();
  return broker.url;
}

const succeeds: Behaviour = (_order, say) => {
  say({ state: 'downloading' });
  say({ state: 'confirming' });
  say({ state: 'succeeded' });
};
const rollsBack: Behaviour = (_order, say) => {
  say({ state: 'confirming' });
  say({ state: 'rolled_back', error: { code: 'DEPLOYMENT_FAILED', message: 'it fell silent', hint: 'look at it' } });
};
const deployIt = ['deploy', device, 'watch', '--digest', 'a'.repeat(64)];

describe('octet fleet keys', () => {
  let made: Outcome;
  let home: string;
  before(async () => {
    home = await temporaryFolder({ after: () => undefined });
    made = await fleet(home, 'keys', 'alice');
  });

  it('makes a key that only its owner may read, and never over another', async () => {
    assert.equal(made.code, 0, made.err);
    const file = join(home, 'octet', 'keys', 'alice.key.json');
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    const again = await fleet(home, 'keys', 'alice');
    assert.equal(again.code, 1);
    assert.match(again.err, /WRITE_FAILED.*expected no key of that name yet[\s\S]*octet fleet keys alice-2/);
  });

  it('says what to do with it, and lists it without its secret', async () => {
    assert.match(made.out, /alice\.pub\.json/);
    const { d } = await readOperatorKey(join(home, 'octet', 'keys', 'alice.key.json'));
    const list = await fleet(home, 'keys', '--json');
    assert.equal(JSON.parse(list.out)[0].operator, 'alice');
    assert.ok(!`${made.out}${list.out}`.includes(d));
  });

  it('refuses to sign with a key that others may read', async (t) => {
    const site = await homeFor(t, await embeddedBroker(t));
    await chmod(join(site.home, 'octet', 'keys', 'alice.key.json'), 0o644);
    const { code, err } = await fleet(site.home, 'ls');
    assert.equal(code, 2);
    assert.match(err, /CONFIG_INVALID.*mode 644[\s\S]*chmod 600/);
  });
});

const brokers = {
  'mosquitto (MQTT 5)': [missing('mosquitto'), startedMosquitto],
  'the embedded broker (MQTT 3.1.1)': [false, embeddedBroker],
} as const;

for (const [name, [skip, start]] of Object.entries(brokers))
  describe(`octet fleet, through ${name},`, { skip }, () => {
    it('lists, shows and asks a device', async (t) => {
      const url = await start(t);
      const { home, key } = await homeFor(t, url);
      await smallDevice(t, url, [key]);
      const [list, show, ping] = await Promise.all([
        fleet(home, 'ls', '--json'),
        fleet(home, 'show', device),
        fleet(home, 'request', device, 'ping', '--json'),
      ]);
      assert.deepEqual(
        JSON.parse(list.out).map(({ id }: { id: string }) => id),
        [device],
        list.err,
      );
      assert.match(show.out, /pump-7 {2}online[\s\S]*obeys 1 keys[\s\S]*slot main {2}queued/);
      assert.equal(JSON.parse(ping.out).status, 200, ping.err);
    });

    it('deploys, tells the states, and ends with 0 only when it succeeded', async (t) => {
      const url = await start(t);
      const { home, key } = await homeFor(t, url);
      const small = await smallDevice(t, url, [key], (order, say) =>
        (order.jobId === 'desired-1-main' ? succeeds : rollsBack)(order, say),
      );
      const good = await fleet(home, ...deployIt, '--json');
      assert.equal(good.code, 0, good.err);
      assert.equal(JSON.parse(good.out).state, 'succeeded');
      assert.match(good.err, /succeeded/);
      const bad = await fleet(home, 'deploy', device, 'watch', '--digest', 'b'.repeat(64), '--confirm', '5s');
      assert.equal(bad.code, 1);
      assert.match(bad.err, /desired-2-main.*rolled_back: DEPLOYMENT_FAILED {2}it fell silent[\s\S]*→ look at it/);
      assert.deepEqual(
        small.slot.given.map((order) => 'policy' in order && order.policy),
        [{}, { confirmMs: 5000 }],
      );
    });

    it('cancels what is under way', async (t) => {
      const url = await start(t);
      const { home, key } = await homeFor(t, url);
      const small = await smallDevice(t, url, [key]);
      const deploying = fleet(home, ...deployIt);
      while (small.slot.given.length === 0) await once(small.wake, 'given');
      assert.equal((await fleet(home, 'cancel', device, 'desired-1-main')).code, 0);
      const { code, err } = await deploying;
      assert.equal(code, 1);
      assert.match(err, /got cancelled/);
    });
  });

describe('octet fleet', () => {
  it('says why a device refused, and what to do', async (t) => {
    const url = await embeddedBroker(t);
    const { home } = await homeFor(t, url);
    const other = await homeFor(t, url);
    await smallDevice(t, url, [other.key]);
    const { code, err } = await fleet(home, ...deployIt);
    assert.equal(code, 1);
    assert.match(err, /ORDER_REJECTED.*pump-7 refused it: ORDER_KEY_UNKNOWN[\s\S]*operatorKeys/);
  });

  it('builds only upon documents of operators it knows', async (t) => {
    const url = await embeddedBroker(t);
    const { home, key } = await homeFor(t, url);
    const other = await homeFor(t, url);
    await smallDevice(t, url, [key, other.key], succeeds);
    assert.equal((await fleet(other.home, ...deployIt)).code, 0);
    const { code, err } = await fleet(home, ...deployIt);
    assert.equal(code, 1);
    assert.match(err, /ORDER_CONFLICT.*expected a document of a known operator[\s\S]*\.pub\.json beside your key/);
  });

  it('waits no longer than it is told, and says what it last heard', async (t) => {
    const url = await embeddedBroker(t);
    const { home, key } = await homeFor(t, url);
    const silent = await fleet(home, 'request', 'pump-9', 'ping', '--timeout', '1s');
    assert.equal(silent.code, 1);
    assert.match(silent.err, /DEVICE_TIMEOUT.*answer of pump-9 within 1 s[\s\S]*octet fleet ls/);
    await smallDevice(t, url, [key], (_order, say) => say({ state: 'measuring', detail: 'trial 1 of 5' }));
    const slow = await fleet(home, ...deployIt, '--timeout', '2s');
    assert.equal(slow.code, 1);
    assert.match(slow.err, /DEVICE_TIMEOUT.*the end of desired-1-main within 2 s[\s\S]*It is measuring/);
  });

  const wrong: Readonly<Record<string, readonly [readonly string[], RegExp]>> = {
    'no broker': [['ls'], /USAGE.*expected the address of a broker/],
    'an address that is none': [['ls', '--broker', 'http://hub'], /USAGE.*--broker: expected mqtt:/],
    'a device that is none': [['show', 'a/b', '--broker', 'mqtt://127.0.0.1:1'], /USAGE.*device: expected 1 to 64/],
    'a request that is none': [
      ['request', 'd', 'launch', '--broker', 'mqtt://127.0.0.1:1'],
      /USAGE.*expected one of ping/,
    ],
    'arguments that are no JSON': [['request', 'd', 'ping', '--args', '{'], /expected a JSON object/],
    'nothing to cancel': [['cancel', 'd', '--broker', 'mqtt://127.0.0.1:1'], /USAGE.*expected a job or --slot/],
    'a time that is none': [['ls', '--timeout', 'soon'], /expected a duration/],
  };
  for (const [what, [words, expected]] of Object.entries(wrong))
    it(`ends with 2 for ${what}, and says what was expected`, async (t) => {
      const { code, err } = await fleet(await temporaryFolder(t), ...words);
      assert.equal(code, 2, err);
      assert.match(err, expected);
    });

  it('ends with 1 where no broker is, and says what to check', async (t) => {
    const { code, err } = await fleet(await temporaryFolder(t), 'ls', '--broker', 'mqtt://127.0.0.1:1');
    assert.equal(code, 1);
    assert.match(err, /BROKER_UNREACHABLE[\s\S]*--broker/);
  });
});
