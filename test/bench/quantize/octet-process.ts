/** `octet quantize` as a user runs it: a process of its own, with its wall time and its peak memory. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { nodeOptions, programPath } from '../../../runtime/base/children.ts';
import { kilobytesIn } from '../../../runtime/hardware/memory.ts';

export type QuantizeRun = {
  readonly wallS: number;
  /** Processor time, on however many cores: what a neighbour on the machine does not change. */
  readonly cpuS: number;
  /** VmHWM of the process; children (of `auto`) are not in it. */
  readonly peakBytes: number;
} & ({ readonly ok: true } | { readonly ok: false; readonly reason: string });

/** @param words after `octet quantize MODEL -o OUT`. */
export async function runQuantize(modelPath: string, outPath: string, words: readonly string[]): Promise<QuantizeRun> {
  const peakPath = `${outPath}.peak`;
  const preload = ['--import', new URL('./peak-on-exit.ts', import.meta.url).href];
  const { execPath, execArgv, env } = nodeOptions();
  const startMs = performance.now();
  const child = spawn(
    execPath,
    [...execArgv, ...preload, programPath(), 'quantize', modelPath, '-o', outPath, '--json', ...words],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...env, OCTET_BENCH_PEAK: peakPath } },
  );
  const [stdout, stderr, [code, killer]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  const wallS = (performance.now() - startMs) / 1000;
  const status = existsSync(peakPath) ? await readFile(peakPath, 'utf8') : '';
  await rm(peakPath, { force: true });
  const cpuS = Number(/^CpuMicroseconds:\s*(\d+)/m.exec(status)?.[1]) / 1e6;
  const costs = { wallS, cpuS, peakBytes: kilobytesIn(status, 'VmHWM') ?? Number.NaN };
  if (code === 0) return { ok: true, ...costs };
  return { ok: false, ...costs, reason: killer ? `ended by ${killer}` : reasonIn(stderr || stdout) };
}

/** A recipe that this version does not know is an answer, not a fault of the bench. */
function reasonIn(output: string): string {
  if (/Allowed choices|unknown option/.test(output)) return 'not there yet';
  return output.trim().split('\n').at(0) ?? 'no message';
}
