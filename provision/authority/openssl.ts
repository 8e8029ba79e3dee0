/**
 * The `openssl` command, which does all cryptography of a site's certificates: it is on every Debian, and what it writes can be looked at,
 * and gone on with, by anyone who knows it.
 */
import { execFile } from 'node:child_process';
import { OctetError } from '../../runtime/base/errors.ts';

const timeoutMs = 60_000;
/** A configuration that names a variable is refused without it, also by commands that do not use that part. */
const everyTime = { OCTET_HOSTS: 'DNS:localhost' };

/** Runs it in `folder`. @returns its stdout. @throws PLATFORM_UNSUPPORTED where there is none, REPOSITORY_INVALID with what it said. */
export function openssl(
  folder: string,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { cwd: folder, timeout: timeoutMs, env: { ...process.env, ...everyTime, ...env } };
    execFile('openssl', words, options, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      reject(error.code === 'ENOENT' ? missing(error) : failed(words, stderr, error));
    });
  });
}

function missing(cause: Error): OctetError {
  return new OctetError(
    'PLATFORM_UNSUPPORTED',
    'certificates: expected the command openssl, got none on this machine',
    {
      hint: 'Install it: sudo apt install openssl',
      cause,
    },
  );
}

function failed([command]: readonly string[], stderr: string, cause: Error): OctetError {
  const lines = stderr.trim().split('\n');
  return new OctetError(
    'AUTHORITY_FAILED',
    `openssl ${command}: expected it to succeed, got ${lines.at(-1) || cause.message}`,
    {
      hint: `All that it said: ${lines.slice(-4).join(' · ')}`,
      cause,
    },
  );
}
