/** Preloaded into a program that is measured: writes its memory and its processor time to the file that the environment names. */
import { readFileSync, writeFileSync } from 'node:fs';

const path = process.env.OCTET_BENCH_PEAK;
process.once('exit', () => {
  if (path === undefined) return;
  const { user, system } = process.cpuUsage();
  writeFileSync(path, `${readFileSync('/proc/self/status', 'utf8')}CpuMicroseconds:\t${user + system}\n`);
});
