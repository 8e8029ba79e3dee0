/** `npm run fuzz -- 100000 [from]`: mutated models through load and quantise; prints what became of them, fails if anything broke. */
import { fuzz } from './fuzz.ts';

const [count = '10000', start = '0'] = process.argv.slice(2);
const from = Number(start);
const { tally, broken, peakBytes } = await fuzz({
  from,
  to: from + Number(count),
  onCase: (seed) => {
    if (seed % 1000 === 999) console.error(`${seed + 1 - from} of ${count}`);
  },
});
for (const [word, cases] of [...tally].sort(([, a], [, b]) => b - a))
  console.log(`${String(cases).padStart(8)}  ${word}`);
console.log(`peak memory of a child: ${Math.round(peakBytes / 2 ** 20)} MiB`);
for (const { seed, what } of broken.slice(0, 20)) console.log(`seed ${seed}: ${what}`);
process.exitCode = broken.length > 0 ? 1 : 0;
