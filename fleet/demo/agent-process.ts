/** The demo's agent, as a process of its own: the same program, told only its configuration file. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { nodeOptions, programPath } from '../../runtime/base/children.ts';
import { OctetError } from '../../runtime/base/errors.ts';

/** After this the agent is killed: a stop that takes longer is a stop that hangs. */
const stopDeadlineMs = 5000;

export type AgentProcess = AsyncDisposable & {
  /** Rejects with CHILD_FAILED when the agent ends without being asked to; never resolves. */
  readonly died: Promise<never>;
};

/**
 * The IPC channel is there to close: when the demo goes away, however it went, the agent sees that and ends too.
 * Its logs go to stderr.
 */
export function startAgent(configPath: string): AgentProcess {
  const child = fork(programPath(), ['agent', '--config', configPath], {
    ...nodeOptions(),
    stdio: ['ignore', 2, 2, 'ipc'],
  });
  const died = new Promise<never>((_resolve, reject) => {
    child.once('error', (cause) => reject(new OctetError('CHILD_FAILED', 'agent: expected to start it', { cause })));
    child.once('exit', (code, signal) => reject(diedError(code, signal)));
  });
  // Whoever waits for it hears of it; when the demo has ended already, nobody has to.
  died.catch(() => undefined);
  return { died, [Symbol.asyncDispose]: () => stop(child) };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  // An open channel would keep the agent's process alive after it has stopped.
  if (child.connected) child.disconnect();
  const impatience = setTimeout(() => child.kill('SIGKILL'), stopDeadlineMs);
  await ended;
  clearTimeout(impatience);
}

function diedError(code: number | null, signal: string | null): OctetError {
  return new OctetError(
    'CHILD_FAILED',
    `agent: expected it to run on, got its end (${signal ?? `exit code ${code}`})`,
    {
      hint: 'Its own message stands above. To begin again from nothing: octet demo --fresh',
    },
  );
}
