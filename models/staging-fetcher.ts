/**
 * How bytes of a repository reach this device. tuf-js asks for a URL with an upper bound; this answers from HTTP(S) or
 * from a folder (`file:`, a memory stick at a site without network). Nothing is kept here: downloads are staged inside
 * the folder that was given, because the system's temporary folder is often memory on a small board.
 */
import { createReadStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { get as getHttp, type IncomingMessage } from 'node:http';
import { get as getHttps } from 'node:https';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Fetcher } from 'tuf-js';
import { DownloadHTTPError } from 'tuf-js/dist/error.js';
import { OctetError, systemCodeOf } from '../runtime/base/errors.ts';
import { writeError } from '../runtime/base/files.ts';

export type FetcherOptions = {
  /** An existing folder for downloads under way. */
  readonly stagingFolder: string;
  /** Give up when no byte arrives for so long, milliseconds. */
  readonly idleTimeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Told of each piece of a staged file as it arrives: bytes. */
  readonly onBytes?: (bytes: number) => void;
};

/** Longer than a mobile network's pauses, shorter than anybody's patience. */
const defaultIdleTimeoutMs = 30_000;

/**
 * One pull's fetcher. tuf-js wraps some errors into bare text, so what went wrong last is kept in `lastFailure`; it is
 * undefined when the last download went well and the fault lies in the bytes.
 */
export class StagingFetcher implements Fetcher {
  lastFailure: OctetError | undefined;
  readonly #options: FetcherOptions;

  constructor(options: FetcherOptions) {
    this.#options = options;
  }

  /** Stages a file under its own name, which is content-addressed: a later attempt could go on where this one stopped. */
  async downloadFile<T>(url: string, maxBytes: number, handler: (path: string) => Promise<T>): Promise<T> {
    const path = join(this.#options.stagingFolder, `${basename(new URL(url).pathname)}.download`);
    try {
      await this.#attempt(url, () => this.#stage(url, maxBytes, path));
      return await handler(path);
    } finally {
      await rm(path, { force: true });
    }
  }

  async downloadBytes(url: string, maxBytes: number): Promise<Buffer> {
    return this.#attempt(url, async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of this.#chunks(url, maxBytes)) chunks.push(chunk);
      return Buffer.concat(chunks);
    });
  }

  async #stage(url: string, maxBytes: number, path: string): Promise<void> {
    const file = await open(path, 'w').catch((error) => {
      throw writeError(this.#options.stagingFolder, error);
    });
    try {
      for await (const chunk of this.#chunks(url, maxBytes)) {
        await file.writeFile(chunk).catch((error) => {
          throw writeError(this.#options.stagingFolder, error);
        });
        this.#options.onBytes?.(chunk.length);
      }
    } finally {
      await file.close();
    }
  }

  /** Stops at the first byte beyond `maxBytes`: a server that never stops sending costs no more than an honest one. */
  async *#chunks(url: string, maxBytes: number): AsyncGenerator<Buffer> {
    let received = 0;
    for await (const chunk of await openUrl(new URL(url), this.#options)) {
      received += (chunk as Buffer).length;
      if (received > maxBytes)
        throw new OctetError('SIGNATURE_INVALID', `${url}: expected at most ${maxBytes} bytes, got more`, {
          hint: 'The server sends something else than what was signed. Nothing of it was kept.',
        });
      yield chunk as Buffer;
    }
  }

  async #attempt<T>(url: string, download: () => Promise<T>): Promise<T> {
    this.lastFailure = undefined;
    try {
      return await download();
    } catch (error) {
      this.lastFailure = failureFrom(url, error, this.#options.signal);
      // tuf-js recognises the newest root by the 404 of its successor, so that one error must reach it as it is.
      throw error instanceof DownloadHTTPError ? error : this.lastFailure;
    }
  }
}

const schemes: Readonly<Record<string, (url: URL, options: FetcherOptions) => Promise<Readable>>> = {
  'http:': (url, options) => openHttp(getHttp, url, options),
  'https:': (url, options) => openHttp(getHttps, url, options),
  'file:': openFile,
};

function openUrl(url: URL, options: FetcherOptions): Promise<Readable> {
  const open = schemes[url.protocol];
  if (open) return open(url, options);
  throw new OctetError('CONFIG_INVALID', `repository: expected http://, https:// or file://, got ${url.protocol}`, {
    hint: 'Set repository.url to where the repository is served.',
  });
}

/** node:http rather than fetch: it is loaded anyway, and fetch costs the agent about 2 MB more. */
function openHttp(get: typeof getHttp, url: URL, { signal, idleTimeoutMs }: FetcherOptions): Promise<IncomingMessage> {
  const timeoutMs = idleTimeoutMs ?? defaultIdleTimeoutMs;
  return new Promise((resolve, reject) => {
    const request = get(url, { headers: { 'user-agent': 'octet' }, ...(signal ? { signal } : {}) }, (response) => {
      if (response.statusCode === 200) return resolve(response);
      response.resume();
      reject(new DownloadHTTPError(statusText(response), response.statusCode ?? 0));
    });
    request.setTimeout(timeoutMs, () => request.destroy(new Error(`silence for ${timeoutMs} ms`)));
    request.on('error', reject);
  });
}

/** A redirect is reported, not followed: whoever runs the repository says where it is. */
function statusText({ statusCode, headers: { location } }: IncomingMessage): string {
  return `HTTP ${statusCode}${location === undefined ? '' : ` to ${location}`}`;
}

/** A missing file is a 404, as a server would say. */
async function openFile(url: URL, { signal }: FetcherOptions): Promise<Readable> {
  const stream = createReadStream(url, signal ? { signal } : {});
  return new Promise((resolve, reject) => {
    stream.once('open', () => resolve(stream));
    stream.once('error', (error) =>
      reject(systemCodeOf(error) === 'ENOENT' ? new DownloadHTTPError('no such file', 404) : error),
    );
  });
}

function failureFrom(url: string, error: unknown, signal: AbortSignal | undefined): OctetError {
  if (error instanceof OctetError) return error;
  if (signal?.aborted) return new OctetError('CANCELLED', `${url}: download cancelled`, { cause: error });
  const detail = systemCodeOf(error) ?? (error instanceof Error ? error.message : String(error));
  return new OctetError('REPOSITORY_UNREACHABLE', `${url}: expected the whole file, got ${detail}`, {
    hint: `Check that the repository is served there: curl -I ${url}`,
    cause: error,
  });
}
