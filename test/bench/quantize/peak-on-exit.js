/**
 * Preloaded into a program whose memory is measured: writes the most it ever held to the file that the environment names. In
 * plain JavaScript, so that it does not make the program load the compiler that strips types.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const path = process.env.OCTET_BENCH_PEAK;
process.once('exit', () => {
  if (path !== undefined) writeFileSync(path, readFileSync('/proc/self/status'));
});
