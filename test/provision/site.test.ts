/** A site as its operator makes it, its broker as Debian starts it, and who may do what there. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import mqtt, { type MqttClient } from 'mqtt';
import { loadConfig } from '../../agent/load-config.ts';
import { topics } from '../../agent/protocol/topics.ts';
import { issuedBy } from '../../provision/authority/authority.ts';
import { enrolDevice } from '../../provision/enrol/bundle.ts';
import { addOperator, brokerFolderOf, createSite, openSite, removeHolder, type Site } from '../../provision/site.ts';
import { freePort } from '../support/mosquitto.ts';
import { missing, requirements } from '../support/requirements.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { waitUntil } from '../support/wait-until.ts';

const slots = [{ slot: 'main', target: 'watch-exercise', source: { kind: 'system' } }];

async function makeSite(
  t: TestContext,
): Promise<{ site: Site; work: string; enrol: (device: string) => Promise<string> }> {
  const work = await temporaryFolder(t);
  const folder = join(work, 'site');
  const port = await freePort();
  // The broker reads its files where they are made: nothing of this machine is touched.
  const site = await createSite(folder, {
    hosts: ['localhost', '127.0.0.1'],
    port,
    brokerFolder: join(folder, 'broker'),
  });
  const rootFile = join(work, '1.root.json');
  await writeFile(rootFile, '{}');
  const enrol = async (device: string) => {
    const outFolder = join(work, device);
    await enrolDevice(site, { device, outFolder, rootFile, repositoryUrl: 'http://hub/models/', slots });
    return outFolder;
  };
  return { site, work, enrol };
}

/** Debian's own configuration, which takes in what lies in conf.d. */
async function startBroker(t: TestContext, { folder, settings }: Site): Promise<{ restart(): Promise<void> }> {
  const etc = join(folder, 'etc');
  await mkdir(join(etc, 'conf.d'), { recursive: true });
  await writeFile(
    join(etc, 'mosquitto.conf'),
    `persistence true\npersistence_location ${etc}/\nlog_dest none\nuser root\ninclude_dir ${etc}/conf.d\n`,
  );
  let broker: ChildProcess | undefined;
  const stop = async () => {
    if (!broker || broker.exitCode !== null) return;
    broker.kill('SIGTERM');
    await once(broker, 'exit');
  };
  t.after(stop);
  const restart = async () => {
    await stop();
    await writeFile(join(etc, 'conf.d', 'octet.conf'), await readFile(join(folder, 'broker', 'octet.conf')));
    broker = spawn(requirements.mosquitto, ['-c', join(etc, 'mosquitto.conf')], { stdio: 'ignore' });
    await waitUntil('the broker listens', () => canConnect(settings.port));
  };
  await restart();
  return { restart };
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTcp(port, '127.0.0.1');
    socket.once('connect', () => socket.destroy() && resolve(true));
    socket.once('error', () => resolve(false));
  });
}

type Who = { readonly folder: string; readonly holder: 'device' | 'operator' };

async function connect(t: TestContext, site: Site, { folder, holder }: Who): Promise<MqttClient> {
  const read = (name: string) => readFile(join(folder, name));
  const client = await mqtt.connectAsync(`mqtts://localhost:${site.settings.port}`, {
    ...{ ca: await read('ca.pem'), cert: await read(`${holder}.pem`), key: await read(`${holder}.key`) },
    ...{ protocolVersion: 5, reconnectPeriod: 0, connectTimeout: 5000 },
  });
  t.after(() => client.endAsync(true));
  return client;
}

describe('a new site', () => {
  it('keeps its keys to its owner, and its certificates to their purpose', async (t) => {
    const { site, enrol } = await makeSite(t);
    const device = await enrol('pump-7');
    const files = [
      join(site.authority.folder, 'ca.key'),
      join(brokerFolderOf(site), 'broker.key'),
      join(device, 'device.key'),
    ];
    for (const path of files) assert.equal((await stat(path)).mode & 0o777, 0o600, path);
    const issued = (await issuedBy(site.authority)).map(({ name, holder, state }) => `${name} ${holder} ${state}`);
    assert.deepEqual(issued, ['localhost broker valid', 'pump-7 device valid']);
  });

  it('is never made over another one', async (t) => {
    const { site } = await makeSite(t);
    await assert.rejects(createSite(site.folder, site.settings), { code: 'USAGE' });
    const hosts = ['hub/example'];
    await assert.rejects(createSite(`${site.folder}2`, { ...site.settings, hosts }), {
      code: 'USAGE',
      message: /host/,
    });
    assert.deepEqual((await openSite(site.folder)).settings, site.settings);
  });

  it('gives nobody a name that gives another one access', async (t) => {
    const { site, enrol } = await makeSite(t);
    await addOperator(site, 'anna');
    await assert.rejects(enrol('anna'), { code: 'USAGE', message: /no operator's/ });
    await assert.rejects(enrol('a/b'), { code: 'USAGE', message: /1 to 64 of/ });
    await assert.rejects(addOperator(site, '+'), { code: 'USAGE' });
  });
});

describe('a bundle', () => {
  it('is a configuration that the agent takes as it lies there', async (t) => {
    const { site, enrol } = await makeSite(t);
    const folder = await enrol('pump-7');
    const { device, broker, repository } = await loadConfig(join(folder, 'config.json'));
    assert.equal(device, 'pump-7');
    assert.equal(broker.url, `mqtts://localhost:${site.settings.port}`);
    for (const path of [broker.caFile, broker.certificateFile, broker.keyFile, repository.rootFile]) await stat(path!);
  });

  it('with slots that the agent would refuse is refused, and no certificate is issued', async (t) => {
    const { site, work } = await makeSite(t);
    const rootFile = join(work, '1.root.json');
    const bad = [{ slot: 'main', source: { kind: 'magic' } }];
    await assert.rejects(
      enrolDevice(site, {
        device: 'pump-7',
        outFolder: join(work, 'p'),
        rootFile,
        repositoryUrl: 'http://hub/',
        slots: bad,
      }),
      { code: 'CONFIG_INVALID', message: /slots\.0\.source/ },
    );
    assert.equal((await issuedBy(site.authority)).length, 1);
  });
});

describe('the broker of a site', { skip: missing('mosquitto') }, () => {
  it('lets a device say what is its own and hear what is for it, and nothing else', { timeout: 60_000 }, async (t) => {
    const { site, enrol } = await makeSite(t);
    const folders = { pump: await enrol('pump-7'), fan: await enrol('fan-1') };
    await addOperator(site, 'anna');
    await startBroker(t, site);
    const pump = await connect(t, site, { folder: folders.pump, holder: 'device' });
    const anna = await connect(t, site, { folder: join(site.folder, 'operators', 'anna'), holder: 'operator' });
    const [atPump, atAnna] = [[] as string[], [] as string[]];
    pump.on('message', (topic) => atPump.push(topic));
    anna.on('message', (topic) => atAnna.push(topic));
    await pump
      .subscribeAsync([topics.everythingTo('pump-7'), topics.everythingTo('fan-1'), '#'], { qos: 1 })
      .catch(() => []);
    await anna.subscribeAsync([topics.everythingFrom('+'), topics.repliesTo('anna'), topics.repliesTo('bert')], {
      qos: 1,
    });
    for (const topic of [
      topics.status('pump-7'),
      topics.status('fan-1'),
      topics.reply('anna', 'pump-7'),
      topics.reply('anna', 'fan-1'),
      topics.desired('fan-1'),
    ])
      await pump.publishAsync(topic, 'x', { qos: 1 }).catch(() => undefined);
    for (const topic of [topics.desired('fan-1'), topics.desired('pump-7'), topics.status('fan-1')])
      await anna.publishAsync(topic, 'x', { qos: 1 }).catch(() => undefined);
    await waitUntil('what is allowed has arrived', () => atPump.length >= 1 && atAnna.length >= 2);
    // Once for each filter that fits.
    assert.deepEqual([...new Set(atPump)], [topics.desired('pump-7')]);
    assert.deepEqual(atAnna.sort(), [topics.status('pump-7'), topics.reply('anna', 'pump-7')].sort());
  });

  it('turns away whoever has no certificate of the site, or one that was taken back', {
    timeout: 60_000,
  }, async (t) => {
    const { site, enrol } = await makeSite(t);
    const stranger = await makeSite(t);
    const folder = await enrol('pump-7');
    const { restart } = await startBroker(t, site);
    await connect(t, site, { folder, holder: 'device' });
    const foreign = await stranger.enrol('pump-7');
    await writeFile(join(foreign, 'ca.pem'), await readFile(join(folder, 'ca.pem')));
    await assert.rejects(connect(t, site, { folder: foreign, holder: 'device' }));
    await assert.rejects(
      mqtt.connectAsync(`mqtt://localhost:${site.settings.port}`, { reconnectPeriod: 0, connectTimeout: 2000 }),
    );
    assert.equal(await removeHolder(site, 'pump-7'), 1);
    await restart();
    await assert.rejects(connect(t, site, { folder, holder: 'device' }));
    await assert.rejects(removeHolder(site, 'pump-7'), { code: 'USAGE' });
  });
});
