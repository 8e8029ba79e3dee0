/** Drives the fuzz: cases in child processes, each with a time limit and a memory limit, started anew where one dies. */
import { fork } from 'node:child_process';
import { join } from 'node:path';
import type { Verdict } from './case.ts';
import type { FuzzRange, FuzzReport } from './process.ts';

export type FuzzOptions = FuzzRange & {
  /** A case that takes longer hangs. */
  readonly limitMs?: number;
  /** A child that holds more has lost its bound. */
  readonly limitBytes?: number;
  readonly onCase?: (seed: number, verdict: Verdict) => void;
};

export type FuzzResult = {
  /** Cases by verdict: `quantized`, `nothing to do`, or a code. */
  readonly tally: ReadonlyMap<string, number>;
  readonly broken: readonly { readonly seed: number; readonly what: string }[];
  readonly peakBytes: number;
};

/** Released sessions leave memory behind, so a child lives for so many cases. */
const casesEach = 400;

export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  const tally = new Map<string, number>();
  const broken: { seed: number; what: string }[] = [];
  let peakBytes = 0;
  for (let from = options.from; from < options.to; ) {
    const to = Math.min(from + casesEach, options.to);
    const reached = await runChild({ ...options, from, to }, ({ seed, verdict, peakBytes: peak }) => {
      peakBytes = Math.max(peakBytes, peak);
      if (verdict.kind === 'broken') broken.push({ seed, what: verdict.what });
      const word = verdict.kind === 'refused' ? verdict.code : verdict.kind;
      tally.set(word, (tally.get(word) ?? 0) + 1);
      options.onCase?.(seed, verdict);
    });
    from = reached.next;
    if (reached.died === undefined) continue;
    broken.push({ seed: from, what: reached.died });
    tally.set('died', (tally.get('died') ?? 0) + 1);
    from += 1;
  }
  return { tally, broken, peakBytes };
}

/** @returns the first seed without a report, and how the child died if it did. */
function runChild(
  { from, to, limitMs = 20_000, limitBytes = 2 ** 31 }: FuzzOptions,
  onReport: (report: FuzzReport) => void,
): Promise<{ next: number; died?: string }> {
  const child = fork(join(import.meta.dirname, 'process.ts'), {
    execArgv: ['--max-old-space-size=1024'],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const { promise, resolve } = Promise.withResolvers<{ next: number; died?: string }>();
  let next = from;
  let why: string | undefined;
  const kill = (reason: string) => {
    why ??= reason;
    child.kill('SIGKILL');
  };
  const watch = setTimeout(() => kill(`no answer within ${limitMs} ms`), limitMs);
  child.on('message', (report: FuzzReport) => {
    watch.refresh();
    next = report.seed + 1;
    onReport(report);
    if (report.peakBytes > limitBytes) kill(`${report.peakBytes} bytes`);
  });
  child.on('exit', (code, signal) => {
    clearTimeout(watch);
    resolve(next >= to ? { next } : { next, died: why ?? signal ?? `exit code ${code}` });
  });
  child.send({ from, to } satisfies FuzzRange);
  return promise;
}
