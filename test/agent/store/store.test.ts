import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import Database from 'better-sqlite3';
import { lockFolder } from '../../../agent/store/lock-folder.ts';
import { migrations } from '../../../agent/store/migrations.ts';
import { openStore, type Store } from '../../../agent/store/open-store.ts';
import type { NewRow } from '../../../agent/store/outbox-table.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const row = (payload: string, rowClass: NewRow['class'] = 'telemetry'): NewRow => ({
  ...{ class: rowClass, topic: 't', payload, qos: 1, retain: false, createdMs: 1000 },
  range: { stream: 's', epoch: 'e', first: 0, last: 9 },
});

/** The contract of a store; `reopen` gives the same store as the next process would see it. */
function storeContract(name: string, reopen: (store: Store) => Store): void {
  describe(`a store, ${name},`, () => {
    it('counts a session upwards and never back', async (t) => {
      const first = openStore(await temporaryFolder(t));
      assert.equal(first.meta.increment('sess'), 1);
      using store = reopen(first);
      assert.equal(store.meta.increment('sess'), 2);
    });

    it('gives rows back by class in the order they came in, as they were', async (t) => {
      const first = openStore(await temporaryFolder(t));
      first.transaction(() => {
        for (const [payload, rowClass] of [
          ['[1]', 'telemetry'],
          ['{}', 'state'],
          ['[2]', 'telemetry'],
        ] as const)
          first.outbox.insert(row(payload, rowClass));
      });
      using store = reopen(first);
      const found = store.outbox.between('telemetry', 0, 100, 10);
      assert.deepEqual(
        found.map(({ payload }) => payload),
        ['[1]', '[2]'],
      );
      assert.deepEqual(found[0], { id: 1, ...row('[1]') });
    });

    it('never uses an id twice, even after all rows are gone', async (t) => {
      const first = openStore(await temporaryFolder(t));
      const id = first.outbox.insert(row('[1]'));
      first.outbox.delete(id);
      using store = reopen(first);
      assert.equal(store.outbox.lastId(), id);
      assert.ok(store.outbox.insert(row('[2]')) > id);
    });

    it('opens a new epoch at each begin and ignores the progress of an older one', async (t) => {
      const first = openStore(await temporaryFolder(t));
      const old = first.streams.open('decisions', 'aa');
      first.streams.advance('decisions', old, 7);
      using store = reopen(first);
      assert.equal(store.streams.get('decisions')?.nextSeq, 7);
      assert.equal(store.streams.open('decisions', 'bb'), '2-bb');
      store.streams.advance('decisions', old, 99);
      assert.equal(store.streams.get('decisions')?.nextSeq, 0);
    });

    it('keeps deployment state and selections', async (t) => {
      const first = openStore(await temporaryFolder(t));
      first.slots.put('main', '{"phase":"queued"}');
      first.slots.put('main', '{"phase":"measuring"}');
      first.selections.put('digest', 'settings', '{}', 1);
      using store = reopen(first);
      assert.equal(store.slots.get('main'), '{"phase":"measuring"}');
      assert.equal(store.selections.get('digest', 'settings'), '{}');
      assert.equal(store.selections.get('digest', 'other'), undefined);
    });

    it('undoes a transaction that fails', async (t) => {
      const first = openStore(await temporaryFolder(t));
      const fail = () => {
        first.outbox.insert(row('[1]'));
        throw new RangeError('enough');
      };
      assert.throws(() => first.transaction(fail), /enough/);
      using store = reopen(first);
      assert.equal(store.outbox.totals().count, 0);
    });
  });
}

storeContract('kept open', (store) => store);
storeContract('closed and opened again', (store) => {
  const folder = join(store.path, '..');
  store[Symbol.dispose]();
  return openStore(folder);
});

describe('openStore', () => {
  it('refuses a damaged file, says what to do, and leaves the file as it is', async (t) => {
    const folder = await temporaryFolder(t);
    const path = join(folder, 'agent.sqlite');
    const store = openStore(folder);
    for (let count = 0; count < 200; count += 1) store.outbox.insert(row('x'.repeat(500)));
    store[Symbol.dispose]();
    const file = await open(path, 'r+');
    await file.write(Buffer.alloc(8192, 0x5a), 0, 8192, 16384);
    await file.close();
    assert.throws(() => openStore(folder), { code: 'STORE_FAILED', hint: /mv .*agent\.sqlite|integrity_check/ });
    assert.equal((await import('node:fs')).statSync(path).isFile(), true);
  });

  it('refuses what is not a store at all', async (t) => {
    const folder = await temporaryFolder(t);
    await writeFile(join(folder, 'agent.sqlite'), 'not a database, but long enough to look like one '.repeat(100));
    assert.throws(() => openStore(folder), { code: 'STORE_FAILED' });
  });

  it('refuses the store of a newer version', async (t) => {
    const folder = await temporaryFolder(t);
    openStore(folder)[Symbol.dispose]();
    const db = new Database(join(folder, 'agent.sqlite'));
    db.pragma(`user_version = ${migrations.length + 1}`);
    db.close();
    assert.throws(() => openStore(folder), { code: 'STORE_FAILED', message: /newer/ });
  });

  it('turns SQLite running out of pages into DISK_FULL, and still writes state from the reserve', async (t) => {
    using store = openStore(await temporaryFolder(t), { maxBytes: 128 * 1024, reserveBytes: 256 * 1024 });
    const fill = () => {
      for (;;) store.transaction(() => store.outbox.insert(row('x'.repeat(4000))));
    };
    assert.throws(fill, { code: 'DISK_FULL', hint: /df -h|telemetry\.maxBytes/ });
    assert.throws(() => store.transaction(() => store.slots.put('main', 's'.repeat(9000))), { code: 'DISK_FULL' });
    store.stateTransaction(() => store.slots.put('main', 's'.repeat(9000)));
    assert.equal(store.slots.get('main')?.length, 9000);
  });
});

describe('lockFolder', () => {
  it('refuses a second agent while the first lives, and lets it in when the first was killed', async (t) => {
    const folder = await temporaryFolder(t);
    const script = join(folder, 'holder.ts');
    const module = join(import.meta.dirname, '../../../agent/store/lock-folder.ts');
    await writeFile(
      script,
      `import { lockFolder } from ${JSON.stringify(module)};
      globalThis.lock = lockFolder(${JSON.stringify(folder)});
      process.send('held');
      setInterval(() => {}, 1000);`,
    );
    const holder = fork(script, { stdio: 'ignore' });
    t.after(() => holder.kill('SIGKILL'));
    await once(holder, 'message');
    assert.throws(() => lockFolder(folder), { code: 'STORE_FAILED', hint: /fuser/ });
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    lockFolder(folder)[Symbol.dispose]();
  });
});
