import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import mqtt from 'mqtt';
import { topics } from '../../agent/protocol/topics.ts';
import { makeOperatorKey } from '../../fleet/operator/operator-keys.ts';
import { accessRules } from '../../provision/broker/mosquitto.ts';
import { programPath } from '../../runtime/base/children.ts';
import { authority, pemsOf } from '../support/certificates.ts';
import { mosquitto } from '../support/mosquitto.ts';
import { missing } from '../support/requirements.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { waitUntil } from '../support/wait-until.ts';
import { childrenOf, device, install } from './agent-fixture.ts';

/** A broker with TLS that lets in by certificate only, with the rules of a site; an operator, a device, another device. */
async function securedSite(t: TestContext) {
  const ca = await authority(t);
  const server = await ca.sign('hub', 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth');
  const [alice, mine, other] = [await ca.sign('alice'), await ca.sign(device), await ca.sign('dev-2')];
  const folder = await temporaryFolder(t);
  const aclFile = join(folder, 'acl');
  await writeFile(aclFile, accessRules(['alice']));
  const broker = await mosquitto(t, {
    listener: (port) => [
      `listener ${port} 127.0.0.1`,
      ...[`cafile ${ca.caFile}`, `certfile ${server.certFile}`, `keyfile ${server.keyFile}`],
      ...['require_certificate true', 'use_identity_as_username true', `acl_file ${aclFile}`],
    ],
  });
  await broker.start();
  const url = `mqtts://127.0.0.1:${broker.port}`;
  const connect = async (certificate: typeof mine) => {
    const client = await mqtt.connectAsync(url, { ...pemsOf(ca, certificate), reconnectPeriod: 0 });
    t.after(() => client.endAsync(true));
    return client;
  };
  return { ca, url, folder, alice, mine, other, connect };
}

type Site = Awaited<ReturnType<typeof securedSite>>;

async function heardBy(client: mqtt.MqttClient, filter: string) {
  const heard: { topic: string; text: string }[] = [];
  client.on('message', (topic, payload) => heard.push({ topic, text: payload.toString() }));
  await client.subscribeAsync(filter, { qos: 1 });
  return heard;
}

async function fleet({ ca, url, alice }: Site, keyFile: string, ...words: string[]) {
  const access = [
    '--broker',
    url,
    '--ca',
    ca.caFile,
    '--cert',
    alice.certFile,
    '--key',
    alice.keyFile,
    '--as',
    keyFile,
  ];
  const child = spawn(process.execPath, [programPath(), 'fleet', ...words, ...access], {
    env: { ...process.env, NO_COLOR: '1' },
  });
  const chunks = { out: '', err: '' };
  child.stdout.on('data', (chunk) => (chunks.out += chunk));
  child.stderr.on('data', (chunk) => (chunks.err += chunk));
  const [code] = (await once(child, 'close')) as [number];
  return { code, ...chunks };
}

describe('a site with TLS, client certificates and access rules', {
  skip: missing('mosquitto') || missing('openssl'),
}, () => {
  it('lets nobody in without a certificate, or with one of another authority', async (t) => {
    const site = await securedSite(t);
    const stranger = await authority(t);
    const ca = readFileSync(site.ca.caFile);
    await assert.rejects(mqtt.connectAsync(site.url, { ca, reconnectPeriod: 0, connectTimeout: 3000 }));
    const forged = { ...pemsOf(stranger, await stranger.sign(device)), ca, reconnectPeriod: 0, connectTimeout: 3000 };
    await assert.rejects(mqtt.connectAsync(site.url, forged));
  });

  it('keeps a device from reading or writing what is another’s: its state, its orders, its answers', async (t) => {
    const site = await securedSite(t);
    const [operator, mine, other] = [
      await site.connect(site.alice),
      await site.connect(site.mine),
      await site.connect(site.other),
    ];
    const heard = await heardBy(operator, 'octet/1/#');
    const overheard = await heardBy(other, 'octet/1/#');
    const publish = (client: mqtt.MqttClient, topic: string, text: string) =>
      client.publishAsync(topic, text, { qos: 1 });
    for (const topic of [topics.status(device), topics.jobState(device, 'j'), topics.reply('alice', device)])
      await publish(other, topic, 'forged');
    for (const topic of [topics.desired(device), topics.job('dev-2', 'j')]) await publish(other, topic, 'forged');
    await publish(operator, topics.job(device, 'j'), 'order for dev-1');
    await publish(mine, topics.reply('alice', device), 'answer of dev-1');
    // What comes after is there: so is what came before, or it never will be.
    await publish(other, topics.status('dev-2'), 'own');
    await publish(operator, topics.job('dev-2', 'j'), 'order for dev-2');
    await waitUntil('the last messages', () => heard.some(({ text }) => text === 'own') && overheard.length > 0);
    assert.deepEqual(
      heard.filter(({ text }) => text === 'forged'),
      [],
    );
    assert.deepEqual(
      overheard.map(({ text }) => text),
      ['order for dev-2'],
    );
    assert.ok(heard.some(({ text }) => text === 'answer of dev-1'));
  });

  it('is where an agent lives and is asked, listening on no port, and without a word about its secrets', async (t) => {
    const site = await securedSite(t);
    const { privateFile, publicFile } = await makeOperatorKey('alice', join(site.folder, 'keys'));
    const { mine, ca } = site;
    const installation = await install(t, {
      brokerUrl: site.url,
      config: {
        broker: { url: site.url, caFile: ca.caFile, certificateFile: mine.certFile, keyFile: mine.keyFile },
        orders: { operatorKeys: publicFile },
      },
    });
    await installation.knowFloat32();
    const heard = await heardBy(await site.connect(site.alice), 'octet/1/#');
    const agent = installation.start();
    await waitUntil('the device to be online', () =>
      heard.some(({ topic, text }) => topic === topics.status(device) && /"online":true/.test(text)),
    );
    const ping = await fleet(site, privateFile, 'request', device, 'ping', '--json');
    assert.equal(ping.code, 0, ping.err);
    assert.equal(JSON.parse(ping.out).status, 200);
    const list = await fleet(site, privateFile, 'ls', '--json');
    assert.deepEqual(
      JSON.parse(list.out).map(({ id }: { id: string }) => id),
      [device],
    );

    for (const pid of [agent.pid, ...(await childrenOf(agent.pid))])
      assert.deepEqual(listeningSockets(pid), [], `process ${pid} listens`);
    const secret = readFileSync(mine.keyFile, 'utf8').split('\n')[1]!;
    assert.doesNotMatch(agent.log(), new RegExp(secret.replaceAll(/[+/]/g, '.')));
    assert.ok(heard.every(({ text }) => !text.includes(secret)));
    assert.equal(statSync(installation.dataFolder).mode & 0o007, 0, 'what it recorded is not for everyone');
  });

  it('is not joined with a key that everyone on the device can read', async (t) => {
    const site = await securedSite(t);
    const { mine, ca } = site;
    await chmod(mine.keyFile, 0o644);
    const broker = { url: site.url, caFile: ca.caFile, certificateFile: mine.certFile, keyFile: mine.keyFile };
    const agent = (await install(t, { brokerUrl: site.url, config: { broker } })).start();
    assert.equal(await agent.exitCode(), 2);
    assert.match(agent.log(), /CONFIG_INVALID.*broker\.keyFile[\s\S]*chmod 600/);
  });
});

/** Of one process: TCP sockets in state LISTEN (0A in /proc/net/tcp, proc_net(5)). */
function listeningSockets(pid: number): string[] {
  const links = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return ''; // closed meanwhile
    }
  });
  const inodes = new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
  const rows = ['tcp', 'tcp6', 'udp', 'udp6'].flatMap((name) =>
    readFileSync(`/proc/${pid}/net/${name}`, 'utf8').trim().split('\n').slice(1),
  );
  return rows.filter((row) => {
    const fields = row.trim().split(/\s+/);
    return fields[3] === '0A' && inodes.has(fields[9] ?? '');
  });
}
