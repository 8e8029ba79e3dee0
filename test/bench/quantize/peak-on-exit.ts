/** Preloaded into a program whose memory is measured: writes the most it ever held to the file that the environment names. */
import { readFileSync, writeFileSync } from 'node:fs';

const path = process.env.OCTET_BENCH_PEAK;
process.once('exit', () => {
  if (path !== undefined) writeFileSync(path, readFileSync('/proc/self/status'));
});
