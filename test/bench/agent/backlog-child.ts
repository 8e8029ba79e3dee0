/** Opens an outbox, drains part of it to a broker that takes everything, and prints the most memory that took, bytes. Arguments: folder, messages to drain. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Outbox } from '../../../agent/outbox/outbox.ts';
import { openStore } from '../../../agent/store/open-store.ts';
import { systemClock } from '../../../runtime/base/clock.ts';
import { readProcessMemory } from '../../../runtime/hardware/process-memory.ts';

const [folder = '', messages = '0'] = process.argv.slice(2);
using store = openStore(folder);
const limits = { maxBytes: 2 ** 32, maxAgeMs: 2 ** 40 };
const log = { warn: () => undefined };
const outbox = new Outbox({ store, clock: systemClock, limits, log, topicOf: (stream) => stream, random: () => 0 });
outbox.rewind();
for (let sent = 0; sent < Number(messages); ) {
  const message = outbox.next();
  if (message) outbox.acknowledge(message);
  if (message) sent += message.rows.length;
  if (message === undefined) {
    outbox.commit([]);
    await nextTurn();
  }
}
process.stdout.write(String(readProcessMemory('self').peakBytes ?? process.resourceUsage().maxRSS * 1024));
