/** `npm run fuzz:protocol -- 1000000 [from]`: fuzzed topics and payloads; fails if one of them broke or changed anything. */
import { fuzzProtocol } from './fuzz-protocol.ts';

const [count = '100000', start = '0'] = process.argv.slice(2);
const from = Number(start);
const after: (() => unknown)[] = [];
const startMs = performance.now();
const { refused, broken } = await fuzzProtocol(
  { after: (hook) => void after.push(hook as () => unknown) },
  {
    ...{ from, to: from + Number(count) },
    onCount: (done) => {
      if (done % 50_000 === 0) console.error(`${done} of ${count}`);
    },
  },
);
for (const hook of after.reverse()) await hook();
for (const [code, times] of [...refused].sort(([, a], [, b]) => b - a))
  console.log(`${String(times).padStart(9)}  ${code}`);
console.log(
  `${count} messages in ${Math.round((performance.now() - startMs) / 1000)} s, ${broken.length} of them broke something`,
);
for (const what of broken.slice(0, 20)) console.log(what);
process.exitCode = broken.length > 0 ? 1 : 0;
