/**
 * A Unix socket on which other programs of this device ask the running model. A request is a line of JSON, `{"id": …, "window": [[…], …]}`
 * ([samples, channels]), and so is its answer, in order. The sensor goes first: at most one request is between two of its windows.
 */
import { chmod, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Clock } from '../base/clock.ts';
import { type ErrorRecord, errorRecordFrom, OctetError } from '../base/errors.ts';
import { type Pipeline, sampleWidth } from '../data/pipeline.ts';
import { type Infer, inTurns } from './inference.ts';

export type InferenceServer = { close(): Promise<void> };

export type InferenceServerParts = {
  readonly path: string;
  readonly pipeline: Pipeline;
  readonly infer: Infer;
  readonly clock: Clock;
};

export type Answer =
  | { readonly id: string | number | null; readonly label: string; readonly score: number; readonly latencyUs: number }
  | { readonly id: string | number | null; readonly error: ErrorRecord };

/** Programs at a time; a further one is turned away. */
const maxConnections = 8;
/** Characters of a number in JSON, generously. */
const charactersPerValue = 32;

/** @throws SINK_FAILED when the socket cannot be made. */
export async function serveInference(parts: InferenceServerParts): Promise<InferenceServer> {
  const { path } = parts;
  // One of them at a time waits for the model, however many ask.
  const asked = { ...parts, infer: inTurns(parts.infer) };
  const server = createServer();
  server.maxConnections = maxConnections;
  const open = new Set<Socket>();
  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    // A client that goes away in the middle of an answer has no further use for it.
    void answerAll(socket, asked).catch(() => socket.destroy());
  });
  await listen(server, path);
  return {
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of open) socket.destroy();
      await closed;
      await rm(path, { force: true });
    },
  };
}

/** A socket file of a process that was killed stands in the way; a living server would have been asked to end first. */
async function listen(server: Server, path: string): Promise<void> {
  await rm(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new OctetError('SINK_FAILED', `inference socket ${path}: expected to listen, got ${cause.message}`, {
          hint: 'Its folder must exist and be writable for this service: RuntimeDirectory=octet in the unit, /run/octet/infer.sock here.',
          cause,
        }),
      ),
    );
    server.listen(path, resolve);
  });
  // The service's user and group: whoever is in the group may ask.
  await chmod(path, 0o660);
}

async function answerAll(socket: Socket, parts: InferenceServerParts): Promise<void> {
  const limit = maxLineLength(parts.pipeline);
  let unread = 0;
  socket.on('data', (chunk: Buffer) => {
    const lineEnd = chunk.lastIndexOf(0x0a);
    unread = lineEnd < 0 ? unread + chunk.length : chunk.length - lineEnd - 1;
    if (unread > limit) socket.destroy();
  });
  for await (const line of createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line.trim() === '') continue;
    const answer = await answerTo(line, parts);
    if (socket.destroyed) return;
    socket.write(`${JSON.stringify(answer)}\n`);
  }
  socket.end();
}

async function answerTo(line: string, { pipeline, infer, clock }: InferenceServerParts): Promise<Answer> {
  let id: string | number | null = null;
  try {
    const request = parseRecord(line);
    if (typeof request.id === 'string' || typeof request.id === 'number') id = request.id;
    const window = windowFrom(request.window, pipeline);
    const startMs = clock.monotonicMs();
    const outcome = await infer(window);
    if (outcome === undefined) throw refused('finite outputs of the model', 'NaN or infinity');
    return { id, label: outcome.label, score: outcome.score, latencyUs: (clock.monotonicMs() - startMs) * 1000 };
  } catch (error) {
    return { id, error: errorRecordFrom(error) };
  }
}

function parseRecord(line: string): { readonly id?: unknown; readonly window?: unknown } {
  const value = parseOrNothing(line);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw refused('{"id": …, "window": [[…], …]}', line.length > 60 ? `${line.slice(0, 60)}…` : line);
}

function parseOrNothing(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // Said by the caller, as what it got instead.
    return undefined;
  }
}

function windowFrom(value: unknown, pipeline: Pipeline): Float32Array {
  const [samples, width] = [pipeline.window.samples, sampleWidth(pipeline)];
  const rows: unknown[] = Array.isArray(value) ? value : [];
  const isRow = (row: unknown) => Array.isArray(row) && row.length === width && row.every(Number.isFinite);
  const wrong = rows.findIndex((row) => !isRow(row));
  if (rows.length !== samples) throw refused(`a window of ${samples} samples`, `${rows.length}`);
  if (wrong >= 0) throw refused(`${width} numbers in each sample`, `something else in sample ${wrong}`);
  return Float32Array.from((rows as number[][]).flat());
}

function refused(expected: string, got: string): OctetError {
  return new OctetError('DATA_INVALID', `request: expected ${expected}, got ${got}`, {
    hint: "A window is [samples, channels], as the manifest's pipeline says.",
  });
}

function maxLineLength(pipeline: Pipeline): number {
  return 1024 + pipeline.window.samples * sampleWidth(pipeline) * charactersPerValue;
}
