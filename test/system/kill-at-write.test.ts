import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import Database from 'better-sqlite3';
import type { DeploymentState } from '../../agent/deployment/state.ts';
import { openStore } from '../../agent/store/open-store.ts';
import { sha256OfFile } from '../../runtime/base/files.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const child = join(import.meta.dirname, 'kill-at-write-child.ts');

type Life = { readonly killed: boolean; readonly result?: { writes: number; active: string; version: string } };

function live(folder: string, killAt: number): Life {
  const { signal, status, stdout, stderr } = spawnSync(process.execPath, [child, folder, String(killAt)], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  if (signal === 'SIGKILL') return { killed: true };
  assert.equal(status, 0, stderr);
  return { killed: false, result: JSON.parse(stdout) };
}

/** What must hold of the data folder of a device that has just lost power. */
async function check(folder: string): Promise<void> {
  using db = disposable(new Database(join(folder, 'agent.sqlite'), { readonly: true }));
  assert.equal(db.it.pragma('integrity_check', { simple: true }), 'ok');
  using store = openStore(folder);
  const text = store.slots.get('main');
  const state = text === undefined ? undefined : (JSON.parse(text) as DeploymentState);
  if (state?.active)
    assert.equal(await sha256OfFile(state.active.path), state.active.sha256, 'what is active can be loaded');
  // What was confirmed to be stored is there, or was handed to the broker and acknowledged.
  const waiting = new Set(store.outbox.oldest('telemetry', 100_000).flatMap(({ range }) => rangeKey(range)));
  const { stored, sent } = journalOf(folder);
  for (const key of stored) assert.ok(waiting.has(key) || sent.has(key), `${key} was stored`);
}

const rangeKey = (range: { epoch: string; first: number } | undefined) =>
  range ? [`${range.epoch}/${range.first}`] : [];

/** First numbers of the batches that were confirmed to be stored, and of those that were sent. */
function journalOf(folder: string): { stored: Set<string>; sent: Set<string>; ends: string[] } {
  const lines = readLines(join(folder, 'journal.txt'));
  const keys = (what: string) =>
    new Set(lines.filter(([word]) => word === what).map(([, , epoch, first]) => `${epoch}/${first}`));
  return {
    stored: keys('stored'),
    sent: keys('sent'),
    ends: lines.filter(([word]) => word === 'ended').map((line) => line.join(' ')),
  };
}

function readLines(path: string): string[][] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split(' '));
  } catch {
    return []; // killed before its first line
  }
}

function disposable<T extends { close(): void }>(it: T): { readonly it: T } & Disposable {
  return { it, [Symbol.dispose]: () => it.close() };
}

describe('kill -9 at every write of a device’s life', () => {
  it('leaves an intact store and something to run, and what was begun is finished after it, once', async (t) => {
    const root = await temporaryFolder(t);
    const folderOf = (name: string) => {
      const folder = join(root, name);
      mkdirSync(folder);
      return folder;
    };
    const undisturbed = live(folderOf('undisturbed'), 0).result!;
    // Every seventh of them (before and after commits in turn) day by day; OCTET_KILLS=all for every one.
    const step = process.env.OCTET_KILLS === 'all' ? 1 : 7;
    let kills = 0;
    for (let killAt = 1; killAt <= undisturbed.writes; killAt += step) {
      const folder = folderOf(String(killAt));
      assert.ok(live(folder, killAt).killed);
      kills += 1;
      await check(folder);
      const { result } = live(folder, 0);
      assert.deepEqual(
        [result?.active, result?.version],
        [undisturbed.active, undisturbed.version],
        `killed at ${killAt}`,
      );
      await check(folder);
      const { ends, sent } = journalOf(folder);
      // Killed between the order and its cancellation, the order is finished before anyone can cancel it.
      const expected = ['newer succeeded', /cancelled (cancelled|succeeded)/, 'back succeeded'];
      assert.equal(ends.length, expected.length, `each order ends once, killed at ${killAt}`);
      for (const [index, end] of expected.entries())
        assert.match(ends[index] ?? '', new RegExp(end), `killed at ${killAt}`);
      assert.ok(sent.size > 0);
    }
    t.diagnostic(`${kills} kills at ${undisturbed.writes} moments`);
  });
});
