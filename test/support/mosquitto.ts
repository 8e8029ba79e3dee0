/** A real mosquitto on a free port of this machine, which a test can take away and bring back. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { requirements } from './requirements.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { waitUntil } from './wait-until.ts';

export type Mosquitto = { readonly url: string; readonly port: number; start(): Promise<void>; stop(): Promise<void> };

export type MosquittoOptions = {
  /** Lines of mosquitto.conf(5) instead of an open listener: TLS, names, access rules. */
  readonly listener?: (port: number) => readonly string[];
};

/** Prepares a broker; `start` starts it. Retained messages and sessions survive a stop. Ends with the test. */
export async function mosquitto(
  context: Pick<TestContext, 'after'>,
  { listener = openListener }: MosquittoOptions = {},
): Promise<Mosquitto> {
  let broker: ChildProcess | undefined;
  const stop = async () => {
    const running = broker;
    broker = undefined;
    if (running === undefined || running.exitCode !== null) return;
    running.kill('SIGTERM');
    await once(running, 'exit');
  };
  // Hooks run in their order: the broker ends before its folder goes.
  context.after(stop);
  const folder = await temporaryFolder(context);
  const port = await freePort();
  const configPath = join(folder, 'mosquitto.conf');
  // Without `user root` a broker started by root would drop to a user that may not write here.
  const lines = [...listener(port), 'persistence true', `persistence_location ${folder}/`];
  if (process.getuid?.() === 0) lines.push('user root');
  await writeFile(configPath, `${lines.join('\n')}\n`);
  return {
    url: `mqtt://127.0.0.1:${port}`,
    port,
    stop,
    start: async () => {
      broker = spawn(requirements.mosquitto, ['-c', configPath], { stdio: 'ignore' });
      await waitUntil(`mosquitto on port ${port}`, () => canConnect(port));
    },
  };
}

function openListener(port: number): string[] {
  return [`listener ${port} 127.0.0.1`, 'allow_anonymous true'];
}

/** A port that nothing uses now, for programs that cannot choose one themselves. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('expected a TCP address');
  return address.port;
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => socket.destroy() && resolve(true));
    socket.once('error', () => resolve(false));
  });
}
