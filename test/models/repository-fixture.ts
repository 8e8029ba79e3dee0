/** What the tests of models/ share: a model folder, a repository, a web server that can misbehave, a clock one can turn. */

import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fillDigests } from '../../models/fill-digests.ts';
import { addModel } from '../../models/repository/add.ts';
import { type InitResult, initRepository } from '../../models/repository/create.ts';
import { publishRepository } from '../../models/repository/publish.ts';
import { type Clock, systemClock } from '../../runtime/base/clock.ts';

export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'octet-models-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A wall clock that stands still until told otherwise. */
export function clockAt(isoTime: string): Clock & { advanceDays(days: number): void } {
  let nowMs = Date.parse(isoTime);
  return {
    ...systemClock,
    wallMs: () => nowMs,
    advanceDays: (days) => {
      nowMs += days * 86_400_000;
    },
  };
}

/** A manifest as somebody would write it, without sizes and digests. */
export const draftManifest = {
  format: 1,
  name: 'vibration',
  version: '1.0.0',
  description: 'Tells a worn bearing from a sound one.',
  license: 'Apache-2.0',
  model: { file: 'model.onnx' },
  features: { file: 'features.onnx' },
  input: { name: 'x', dims: [1, 3, 64] },
  pipeline: { channels: [{ name: 'accelerometer_x', unit: 'g' }], rateHz: 100, window: { samples: 64, stride: 32 } },
  task: { kind: 'classify', labels: ['sound', 'worn'] },
  provenance: { data: 'made for this test' },
};

/** Writes a model folder. Nothing in models/ reads ONNX, so the files' bytes are any: `fill`, 20,000 times. */
export async function writeModel(
  folder: string,
  { name = 'vibration', version = '1.0.0', fill = 1 } = {},
): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'model.onnx'), Buffer.alloc(20_000, fill));
  await writeFile(join(folder, 'features.onnx'), Buffer.alloc(500, fill));
  await writeFile(join(folder, 'manifest.json'), JSON.stringify({ ...draftManifest, name, version }));
  await fillDigests(folder);
  return folder;
}

export type PublishedRepository = InitResult & {
  /** The folder with everything in it, for more files. */
  readonly work: string;
  /** Adds and publishes another model; returns its manifest's digest. */
  publish(model?: { name?: string; version?: string; fill?: number }): Promise<string>;
};

/** A repository with `vibration` 1.0.0 published. */
export async function publishedRepository(
  t: TestContext,
  clock: Clock = systemClock,
): Promise<PublishedRepository & { digest: string }> {
  const work = await temporaryFolder(t);
  const init = await initRepository(join(work, 'repository'), { clock });
  const publish: PublishedRepository['publish'] = async (model = {}) => {
    const { name = 'vibration', version = '1.0.0' } = model;
    const { digest } = await addModel(init.folder, await writeModel(join(work, 'models', `${name}-${version}`), model));
    await publishRepository(init.folder, { clock });
    return digest;
  };
  return { ...init, work, publish, digest: await publish() };
}

/** Answers a request in its own way and returns true, or returns false for the file that was asked for. */
export type Misbehaviour = (path: string, response: ServerResponse, request: IncomingMessage) => boolean;

export type StaticServer = { readonly url: string; readonly requests: string[]; stop(): Promise<void> };

/** A static web server on a free port. */
export async function serve(
  t: TestContext,
  folder: string,
  misbehave: Misbehaviour = () => false,
): Promise<StaticServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    requests.push(path);
    if (misbehave(path, response, request)) return;
    void answer(join(folder, path), request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = () => closeServer(server);
  t.after(stop);
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, requests, stop };
}

/** As static web servers do: the whole file, or the rest of it from the byte that was asked for (RFC 9110 §14). */
async function answer(path: string, { headers }: IncomingMessage, response: ServerResponse): Promise<void> {
  const size = await stat(path).then(
    (stats) => stats.size,
    () => undefined,
  );
  if (size === undefined) return void response.writeHead(404).end();
  const start = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
  if (start > 0) response.writeHead(206, { 'content-range': `bytes ${start}-${size - 1}/${size}` });
  createReadStream(path, { start }).pipe(response);
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}

/** What a store holds that could be mistaken for a model, and what lies about half done. */
export async function storeContents(folder: string): Promise<{ models: string[]; partial: string[] }> {
  const list = (path: string) => readdir(path).catch((): string[] => []);
  const models = (await list(folder))
    .filter((name) => !['.partial', '.unfinished', 'trusted', 'offers'].includes(name))
    .sort();
  return { models, partial: await list(join(folder, '.partial')) };
}
