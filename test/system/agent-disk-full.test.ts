import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { mosquitto } from '../support/mosquitto.ts';
import { missing } from '../support/requirements.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { waitUntil } from '../support/wait-until.ts';
import { Consumer, install } from './agent-fixture.ts';

/** A disk of its own can only be mounted by root, and not in every container. */
function cannotMount(): string | false {
  const folder = `/tmp/octet-mount-${process.pid}`;
  mkdirSync(folder);
  const isMounted = mount(folder, '1m');
  if (isMounted) spawnSync('/usr/bin/umount', [folder]);
  rmSync(folder, { recursive: true });
  return isMounted ? false : 'needs to mount a tmpfs: run it as root';
}

function mount(folder: string, size: string): boolean {
  return spawnSync('/usr/bin/mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder]).status === 0;
}

async function smallDisk(t: TestContext): Promise<string> {
  let mounted: string | undefined;
  t.after(() => mounted && spawnSync('/usr/bin/umount', ['--lazy', mounted]));
  const folder = join(await temporaryFolder(t), 'disk');
  mkdirSync(folder);
  assert.ok(mount(folder, '12m'));
  mounted = folder;
  return folder;
}

describe('a disk that fills up', { skip: missing('mosquitto') || cannotMount() }, () => {
  it('costs telemetry, stated as a gap, but neither the agent nor inference; and all is well once there is room', async (t) => {
    const broker = await mosquitto(t);
    await broker.start();
    const consumer = await Consumer.connect(t, broker.url);
    const disk = await smallDisk(t);
    const dataFolder = join(disk, 'data');
    const installation = await install(t, {
      ...{ brokerUrl: broker.url, dataFolder },
      // The sink must not need the disk that is full.
      config: { logLevel: 'warn' },
    });
    await installation.knowFloat32();
    const agent = installation.start();
    await consumer.decisions(30);

    const filler = join(disk, 'filler');
    fill(filler);
    const { bavail } = statfsSync(disk);
    assert.ok(bavail * 4096 < 64 * 1024, 'the disk is full');
    const before = consumer.of('decisions').points.length;
    await waitUntil('a stated gap', () => consumer.of('decisions').gaps.length > 0, 15_000);
    assert.equal(agent.process.exitCode, null, agent.log());
    assert.equal(consumer.of('decisions').gaps[0]?.reason, 'disk full');

    rmSync(filler);
    await consumer.decisions(before + 30);
    const { missing: lost, epochs } = consumer.of('decisions');
    assert.deepEqual(lost, [], 'every missing number is stated');
    assert.equal(epochs.length, 1, 'the runner never stopped');
    agent.process.kill('SIGTERM');
    assert.equal(await agent.exitCode(), 0);
  });
});

/** Writes until nothing more goes. */
function fill(path: string): void {
  for (let size = 1024 * 1024; size >= 4096; size /= 2) {
    try {
      for (;;) writeFileSync(path, Buffer.alloc(size), { flag: 'a' });
    } catch {
      // Full for this size: a smaller piece may still fit.
    }
  }
}
