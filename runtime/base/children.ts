/**
 * Child processes of Octet (runner, builder, trial, the demo's agent). A child is this same program started as
 * `internal <name>`, never by a source file's path, so that a bundle works like the sources. It talks over Node's IPC
 * channel and ends when the channel closes: children never outlive their parent, even one that was killed.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { setPriority } from 'node:os';
import { basename, dirname, join } from 'node:path';

export type ChildName = 'runner' | 'builder' | 'trial' | 'helper' | 'search';

export type ChildOptions = {
  /** Extra command-line words after `internal <name>`. */
  args?: readonly string[];
  /** Scheduling niceness, 0 to 19: background work yields to the active model. */
  niceness?: number;
  /** The most that it may allocate: beyond, its allocations fail, so that it gets to say so instead of taking the machine down. */
  memoryBytes?: number;
  /** Kills the child when aborted. */
  signal?: AbortSignal;
};

/**
 * Starts a child with an IPC channel that carries typed arrays (structured clone). Its stdout and stderr both go to this
 * process's stderr: stdout belongs to a command's result.
 */
export function startChild(
  name: ChildName,
  { args = [], niceness = 0, memoryBytes, signal }: ChildOptions = {},
): ChildProcess {
  const child = fork(programPath(), ['internal', name, ...args], {
    ...(memoryBytes === undefined ? nodeOptions() : limited(nodeOptions(), memoryBytes)),
    serialization: 'advanced',
    stdio: ['ignore', 2, 2, 'ipc'],
    ...(signal ? { signal, killSignal: 'SIGKILL' as const } : {}),
  });
  if (niceness > 0 && child.pid !== undefined) setPriority(child.pid, niceness);
  return child;
}

/**
 * The same start through a shell that first sets RLIMIT_DATA (`ulimit -d`, KiB), which Node cannot set itself; the shell becomes
 * Node (`exec`), so process id and IPC channel stay. RLIMIT_AS would not do: V8 reserves a gigabyte of addresses that it never uses.
 */
function limited({ execPath, execArgv, env }: ReturnType<typeof nodeOptions>, memoryBytes: number) {
  const script = `ulimit -d ${Math.ceil(memoryBytes / 1024)} 2>/dev/null; exec "$0" "$@"`;
  return { execPath: '/bin/sh', execArgv: ['-c', script, execPath, ...execArgv], env };
}

/** In a child: ends this process when the parent goes away, however it went. */
export function endWithParent(): void {
  process.once('disconnect', () => process.exit(0));
}

/** The file that Node runs: `cli.ts` in the sources, the bundle itself once bundled. */
export function programPath(): string {
  const isSource = basename(import.meta.filename) === 'children.ts';
  return isSource ? join(import.meta.dirname, '..', '..', 'cli.ts') : import.meta.filename;
}

/**
 * How Node runs Octet, the same as the launcher does it. Compiled sources are kept for the next process, which then starts in
 * half the time and without the compiler that strips types; where they cannot be kept, nothing else changes. V8's space for
 * new objects stays at 1 MiB instead of growing sixteenfold: what is large here, tensors, lies outside of it. Arrays from 1 MiB on go
 * back to the system when they are freed, and threads share two heaps; glibc would keep ever larger arrays and give each thread its own.
 */
export function nodeOptions() {
  return {
    execPath: process.execPath,
    execArgv: ['--max-semi-space-size=1', '--expose-gc'],
    env: {
      NODE_COMPILE_CACHE: join(dirname(programPath()), 'node_modules', '.cache', 'octet'),
      MALLOC_MMAP_THRESHOLD_: `${2 ** 20}`,
      MALLOC_ARENA_MAX: '2',
      ...process.env,
    },
  };
}
