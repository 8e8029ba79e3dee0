/** `octet demo` as its user starts it: a subprocess, what it prints, and every process that it leaves behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { programPath } from '../../runtime/base/children.ts';

export type Finished = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

/** Runs it to its end. */
export async function runDemo(words: readonly string[]): Promise<Finished> {
  const demo = startDemo(words);
  const [code] = await once(demo.child, 'close');
  return { code, stdout: demo.stdout(), stderr: demo.stderr() };
}

export function startDemo(words: readonly string[]) {
  const child = spawn(process.execPath, [programPath(), 'demo', ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text) => (texts[name] += text));
  return {
    child,
    stdout: () => texts.stdout,
    stderr: () => texts.stderr,
    /** The first match in what it printed; fails when it ends before. */
    printed: (pattern: RegExp) =>
      until(
        () => pattern.exec(texts.stdout),
        child,
        () => texts.stdout + texts.stderr,
      ),
    /** It and all that it started. */
    family: () => familyOf(child.pid!),
  };
}

/** Those of `pids` that still run; waits up to `deadlineMs` for there to be none. */
export async function survivors(pids: readonly number[], deadlineMs = 10_000): Promise<number[]> {
  const end = performance.now() + deadlineMs;
  const alive = () => pids.filter(isAlive);
  while (alive().length > 0 && performance.now() < end) await pause(50);
  return alive();
}

async function until<T>(
  look: () => T | null,
  child: ChildProcess,
  said: () => string,
  deadlineMs = 90_000,
): Promise<T> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const found = look();
    if (found !== null) return found;
    if (child.exitCode !== null || performance.now() > end)
      throw new Error(`the demo did not get there; it said:\n${said()}`);
    await pause(50);
  }
}

function familyOf(pid: number): number[] {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((other) => statOf(other)?.parent === pid);
  return [pid, ...children.flatMap(familyOf)];
}

/** A zombie has ended: only its parent (here perhaps a container's init that never looks) has not asked yet. */
function isAlive(pid: number): boolean {
  const stat = statOf(pid);
  return stat !== undefined && stat.state !== 'Z';
}

function statOf(pid: number): { state: string; parent: number } | undefined {
  try {
    // After the name in parentheses, which may hold anything: state and parent.
    const [state = '', parent] = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    return { state, parent: Number(parent) };
  } catch {
    // It has ended since it was listed.
    return undefined;
  }
}
