/**
 * Bytes of a URL, from some byte on: HTTP(S), or a folder (`file:`, a memory stick at a site without network). A missing file is a 404 in
 * either case, which is what tuf-js looks for.
 */
import { createReadStream } from 'node:fs';
import { get as getHttp, type IncomingMessage } from 'node:http';
import { get as getHttps } from 'node:https';
import type { Readable } from 'node:stream';
import { DownloadHTTPError } from 'tuf-js/dist/error.js';
import { OctetError, systemCodeOf } from '../runtime/base/errors.ts';

export type TransportOptions = {
  /** Give up when no byte arrives for so long, milliseconds. */
  readonly idleTimeoutMs?: number;
  readonly signal?: AbortSignal;
};

/** A stream, and the byte at which it really begins: 0 where a server knows no ranges. */
export type Opened = { readonly stream: Readable; readonly fromByte: number };

/** Longer than a mobile network's pauses, shorter than anybody's patience. */
const defaultIdleTimeoutMs = 30_000;

/** @throws CONFIG_INVALID for another scheme; DownloadHTTPError for an answer that is not the file; the system's errors. */
export function openUrl(url: URL, fromByte: number, options: TransportOptions): Promise<Opened> {
  const open = schemes[url.protocol];
  if (open) return open(url, fromByte, options);
  throw new OctetError('CONFIG_INVALID', `repository: expected http://, https:// or file://, got ${url.protocol}`, {
    hint: 'Set repository.url to where the repository is served.',
  });
}

const schemes: Readonly<Record<string, (url: URL, fromByte: number, options: TransportOptions) => Promise<Opened>>> = {
  'http:': (url, fromByte, options) => openHttp(getHttp, url, fromByte, options),
  'https:': (url, fromByte, options) => openHttp(getHttps, url, fromByte, options),
  'file:': openFile,
};

/** node:http rather than fetch: it is loaded anyway, and fetch costs the agent about 2 MB more. */
function openHttp(
  get: typeof getHttp,
  url: URL,
  fromByte: number,
  { signal, idleTimeoutMs: timeoutMs = defaultIdleTimeoutMs }: TransportOptions,
): Promise<Opened> {
  const range = fromByte > 0 ? { range: `bytes=${fromByte}-` } : {};
  return new Promise((resolve, reject) => {
    const options = { headers: { 'user-agent': 'octet', ...range }, ...(signal ? { signal } : {}) };
    const request = get(url, options, (response) => {
      const begin = beginOf(response, fromByte);
      if (begin !== undefined) return resolve({ stream: response, fromByte: begin });
      response.resume();
      reject(new DownloadHTTPError(statusText(response), response.statusCode ?? 0));
    });
    request.setTimeout(timeoutMs, () => request.destroy(new Error(`silence for ${timeoutMs} ms`)));
    request.on('error', reject);
  });
}

/** Where an answer's bytes begin; undefined when it is not the file (RFC 9110 §14.4, §15.3.7). */
function beginOf({ statusCode, headers }: IncomingMessage, asked: number): number | undefined {
  if (statusCode === 200) return 0;
  const isAsked = headers['content-range']?.startsWith(`bytes ${asked}-`);
  return statusCode === 206 && isAsked ? asked : undefined;
}

/** A redirect is reported, not followed: whoever runs the repository says where it is. */
function statusText({ statusCode, headers: { location } }: IncomingMessage): string {
  return `HTTP ${statusCode}${location === undefined ? '' : ` to ${location}`}`;
}

async function openFile(url: URL, start: number, { signal }: TransportOptions): Promise<Opened> {
  const stream = createReadStream(url, { start, ...(signal ? { signal } : {}) });
  return new Promise((resolve, reject) => {
    stream.once('open', () => resolve({ stream, fromByte: start }));
    stream.once('error', (error) =>
      reject(systemCodeOf(error) === 'ENOENT' ? new DownloadHTTPError('no such file', 404) : error),
    );
  });
}
