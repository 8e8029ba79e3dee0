/**
 * How bytes of a repository reach this device. tuf-js asks for a URL with an upper bound; this stages them inside the folder that
 * was given, because the system's temporary folder is often memory on a small board. A target that was interrupted goes on where
 * it stopped.
 */
import { open, rm, truncate } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Fetcher } from 'tuf-js';
import { DownloadHTTPError } from 'tuf-js/dist/error.js';
import { OctetError, systemCodeOf } from '../runtime/base/errors.ts';
import { writeError } from '../runtime/base/files.ts';
import { openUrl, type TransportOptions } from './transport.ts';
import type { UnfinishedDownloads } from './unfinished-downloads.ts';

export type FetcherOptions = TransportOptions & {
  /** An existing folder for downloads under way. */
  readonly stagingFolder: string;
  /** Where interrupted targets wait for the next attempt. */
  readonly unfinished: UnfinishedDownloads;
  /** Told of each piece of a staged file as it arrives, and of what an earlier attempt had brought: bytes. */
  readonly onBytes?: (bytes: number) => void;
};

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

  /**
   * @param maxBytes the target's signed length.
   * @param handler verifies the staged file and moves it away. What it refuses is not kept; where the first part came from an earlier
   * attempt, the file is fetched once more from its beginning, because a power cut may have damaged that part.
   */
  async downloadFile<T>(url: string, maxBytes: number, handler: (path: string) => Promise<T>): Promise<T> {
    const { stagingFolder, unfinished } = this.#options;
    const name = basename(new URL(url).pathname);
    const { path, sizeBytes } = await unfinished.take(stagingFolder, name);
    try {
      await this.#attempt(url, () => this.#stage(url, maxBytes, path, sizeBytes));
    } catch (error) {
      if (isInterruption(this.lastFailure)) await unfinished.put(path, name);
      throw error;
    }
    try {
      return await handler(path);
    } catch (error) {
      if (sizeBytes === 0) throw error;
    } finally {
      await rm(path, { force: true });
    }
    return this.downloadFile(url, maxBytes, handler);
  }

  async downloadBytes(url: string, maxBytes: number): Promise<Buffer> {
    return this.#attempt(url, async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of this.#chunks(url, maxBytes)) chunks.push(chunk);
      return Buffer.concat(chunks);
    });
  }

  async #stage(url: string, maxBytes: number, path: string, sizeBytes: number): Promise<void> {
    if (sizeBytes >= maxBytes) return this.#options.onBytes?.(sizeBytes);
    const file = await open(path, 'a').catch((error) => {
      throw writeError(this.#options.stagingFolder, error);
    });
    const onBegin = async (fromByte: number) => {
      if (fromByte < sizeBytes) await truncate(path, fromByte);
      if (fromByte > 0) this.#options.onBytes?.(fromByte);
    };
    try {
      for await (const chunk of this.#chunks(url, maxBytes, sizeBytes, onBegin)) {
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
  async *#chunks(
    url: string,
    maxBytes: number,
    askedByte = 0,
    onBegin?: (fromByte: number) => Promise<void>,
  ): AsyncGenerator<Buffer> {
    const { stream, fromByte } = await openUrl(new URL(url), askedByte, this.#options);
    await onBegin?.(fromByte);
    let received = fromByte;
    for await (const chunk of stream) {
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

/** Whether going on later makes sense: what came so far was not refused. */
function isInterruption(failure: OctetError | undefined): boolean {
  return failure?.code === 'REPOSITORY_UNREACHABLE' || failure?.code === 'CANCELLED';
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
