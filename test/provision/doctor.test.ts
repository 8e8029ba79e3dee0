import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer as createTcp, type Server } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { createServer as createTls } from 'node:tls';
import { createAuthority, issue } from '../../provision/authority/authority.ts';
import { certificateFindings } from '../../provision/doctor/certificate-findings.ts';
import { type DeviceFacts, deviceFindings } from '../../provision/doctor/device-findings.ts';
import { examine } from '../../provision/doctor/examine.ts';
import { brokerFinding } from '../../provision/doctor/reach-findings.ts';
import { systemClock } from '../../runtime/base/clock.ts';
import { probeHardware } from '../../runtime/hardware/probe.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const boards = join(import.meta.dirname, '..', 'boards');

async function factsOf(board: string, changes: Partial<DeviceFacts> = {}): Promise<DeviceFacts> {
  const hardware = await probeHardware({ root: join(boards, board) });
  const sound = {
    glibc: '2.36',
    wallMs: Date.UTC(2027, 0, 1),
    isClockSet: true,
    controllers: ['memory'],
    hasWatchdog: true,
  };
  return { hardware, ...sound, ...changes };
}

const complaints = (facts: DeviceFacts) =>
  deviceFindings(facts)
    .filter(({ verdict }) => verdict !== 'good')
    .map(({ name, verdict }) => `${name} ${verdict}`);

describe('the doctor', () => {
  for (const [what, changes, expected] of [
    ['a clock in 1970', { wallMs: 0 }, 'clock bad'],
    ['a clock that nobody set', { isClockSet: false }, 'clock poor'],
    ['an old C library', { glibc: '2.31' }, 'C library bad'],
    ['Alpine', { glibc: null }, 'C library bad'],
    ['a kernel without memory limits', { controllers: ['cpu'] }, 'memory limits poor'],
    ['no watchdog', { hasWatchdog: false }, 'watchdog poor'],
  ] as const)
    it(`finds ${what}, and nothing else`, async () => {
      const sound = complaints(await factsOf('raspberry-pi-5'));
      const found = complaints(await factsOf('raspberry-pi-5', changes));
      assert.deepEqual(
        found.filter((each) => !sound.includes(each)),
        [expected],
      );
    });

  it('finds a 32-bit system, under-voltage and heat, each with what to do', () => {
    const thermals = {
      temperatureC: 85,
      throttled: ['under-voltage', 'throttled'],
      throttledSinceBoot: ['under-voltage'],
    };
    const hardware = {
      board: 'Raspberry Pi 3 Model B Rev 1.2',
      system: { kernelBits: 64, userlandBits: 32 },
      thermals,
      memory: { totalBytes: 440 * 2 ** 20, availableBytes: null, limitBytes: null, swap: [] },
    } as unknown as DeviceFacts['hardware'];
    const facts = {
      hardware,
      glibc: '2.36',
      wallMs: Date.UTC(2027, 0, 1),
      isClockSet: true,
      controllers: [],
      hasWatchdog: true,
    };
    assert.deepEqual(complaints(facts), ['system bad', 'power bad', 'heat poor', 'memory poor', 'memory limits poor']);
    const advice = deviceFindings(facts).map(({ advice: text }) => text ?? '');
    assert.match(advice.join(), /64-bit image.*power supply.*heat sink.*zram.*cmdline\.txt/);
  });
});

/** A certificate of a site made for this test. */
async function certified(t: TestContext, device = 'pump-7') {
  const work = await temporaryFolder(t);
  const authority = await createAuthority(join(work, 'authority'), 'test site');
  const read = (path: string) => readFile(path);
  const certificateOf = async (holder: 'broker' | 'device', name: string) => {
    const { certificate, key } = await issue(authority, {
      holder,
      name,
      days: 100,
      hosts: ['localhost'],
      outFolder: join(work, name),
    });
    return { certificate: await read(certificate), key: await read(key!) };
  };
  const own = await certificateOf('device', device);
  return { work, ca: await read(join(authority.folder, 'ca.pem')), own, certificateOf };
}

describe('a certificate', () => {
  const verdicts = (facts: Parameters<typeof certificateFindings>[0]) =>
    certificateFindings(facts).map(({ verdict, found }) => `${verdict}: ${found.replace(/\d{4}-\d\d-\d\d/, 'DATE')}`);

  it('is found sound, due, expired, and not yet valid by the clock', async (t) => {
    const { ca, own } = await certified(t);
    const dayMs = 86_400_000;
    const datesIn = (days: number) => verdicts({ device: 'pump-7', ...own, ca, wallMs: Date.now() + days * dayMs })[1];
    assert.equal(datesIn(1), 'good: valid until DATE');
    assert.match(datesIn(60)!, /^poor: valid until DATE, 3\d days$/);
    assert.equal(datesIn(101), 'bad: expired on DATE');
    assert.equal(datesIn(-20_000), 'bad: valid only from DATE');
  });

  it("is found another device's, another key's, another site's, or none at all", async (t) => {
    const [{ ca, own, certificateOf }, stranger] = [await certified(t), await certified(t)];
    const wallMs = Date.now();
    const other = await certificateOf('device', 'fan-1');
    assert.deepEqual(
      [
        verdicts({ device: 'fan-1', ...own, ca, wallMs })[0],
        verdicts({ device: 'pump-7', ...own, key: other.key, ca, wallMs })[0],
        verdicts({ device: 'pump-7', ...own, ca: stranger.ca, wallMs })[0],
        verdicts({ device: 'pump-7', ...own, certificate: Buffer.from('x'), ca, wallMs })[0]?.slice(0, 19),
      ],
      [
        'bad: of pump-7, while the device is fan-1',
        'bad: of another key than the one beside it',
        'bad: not signed by the authority beside it',
        'bad: no certificate',
      ],
    );
  });
});

describe('a broker', () => {
  async function listening(t: TestContext, server: Server): Promise<number> {
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
    t.after(() => new Promise((resolve) => server.close(resolve)));
    return (server.address() as { port: number }).port;
  }

  it('that answers is found, one that is not there is not', async (t) => {
    const server = createTcp((socket) => socket.end());
    const port = await listening(t, server);
    assert.equal((await brokerFinding(`mqtt://localhost:${port}`, {})).verdict, 'good');
    await new Promise((resolve) => server.close(resolve));
    const { verdict, found, advice } = await brokerFinding(`mqtt://localhost:${port}`, {});
    assert.match(`${verdict} ${found} ${advice}`, /^bad .*ECONNREFUSED.*systemctl status mosquitto/);
  });

  it('of another authority, and one that refuses our certificate, are told apart', async (t) => {
    const [{ ca, own, certificateOf }, stranger] = [await certified(t), await certified(t)];
    const broker = await certificateOf('broker', 'localhost');
    const options = {
      key: broker.key,
      cert: broker.certificate,
      ca,
      requestCert: true,
      minVersion: 'TLSv1.3',
    } as const;
    const port = await listening(
      t,
      createTls(options, (socket) => socket.on('error', () => {})),
    );
    const url = `mqtts://localhost:${port}`;
    const mine = { cert: own.certificate, key: own.key };
    assert.equal((await brokerFinding(url, { ca, ...mine })).verdict, 'good');
    assert.match((await brokerFinding(url, { ca: stranger.ca, ...mine })).advice!, /another authority/);
    const theirs = { cert: stranger.own.certificate, key: stranger.own.key };
    assert.match((await brokerFinding(url, { ca, ...theirs })).advice!, /refuses our certificate/);
  });
});

it('a configuration is gone through to the end, and nothing is changed', { timeout: 60_000 }, async (t) => {
  const { work, ca, own } = await certified(t);
  const bundle = join(work, 'bundle');
  await mkdir(bundle);
  for (const [name, bytes] of [
    ['ca.pem', ca],
    ['device.pem', own.certificate],
    ['device.key', own.key],
    ['1.root.json', Buffer.from('{}')],
  ] as const)
    await writeFile(join(bundle, name), bytes);
  await chmod(join(bundle, 'device.key'), 0o644);
  const config = {
    device: 'pump-7',
    dataFolder: join(work, 'data'),
    broker: { url: 'mqtts://localhost:1', caFile: 'ca.pem', certificateFile: 'device.pem', keyFile: 'device.key' },
    repository: { url: `file://${work}/`, rootFile: '1.root.json' },
    slots: [{ slot: 'main', target: 'm', source: { kind: 'system' } }],
  };
  const path = join(bundle, 'config.json');
  await writeFile(path, JSON.stringify(config));
  const findings = new Map((await examine(path, systemClock)).map((finding) => [finding.name, finding]));
  const of = (name: string) => findings.get(name)?.verdict;
  assert.deepEqual(
    [of('ONNX Runtime'), of('certificate'), of('disk'), of('broker'), of('broker.keyFile')],
    ['good', 'good', 'good', 'bad', 'poor'],
  );
  await assert.rejects(readFile(join(work, 'data')), { code: 'ENOENT' });
  await writeFile(path, JSON.stringify({ ...config, slots: [] }));
  const [wrong] = (await examine(path, systemClock)).filter(({ name }) => name === 'configuration');
  assert.match(`${wrong!.verdict} ${wrong!.found}`, /^bad .*slots/);
});
