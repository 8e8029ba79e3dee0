/** How the device proves who it is to the broker: secrets and certificates read from the files that the configuration names. */
import { stat } from 'node:fs/promises';
import { OctetError } from '../../runtime/base/errors.ts';
import { readError, readInput } from '../../runtime/base/files.ts';
import type { AgentConfig } from '../config.ts';
import type { LinkOptions } from './link.ts';

/** @throws FILE_NOT_FOUND, FILE_UNREADABLE naming the file's role; CONFIG_INVALID for a secret that everyone may read. */
export async function linkTarget(broker: AgentConfig['broker'], clientId: string): Promise<LinkOptions['target']> {
  const { url, username, passwordFile, caFile, certificateFile, keyFile } = broker;
  const read = (path: string | undefined, what: string) => (path === undefined ? undefined : readInput(path, what));
  await requireSecret(passwordFile, 'broker.passwordFile');
  await requireSecret(keyFile, 'broker.keyFile');
  const [password, ca, cert, key] = await Promise.all([
    read(passwordFile, 'broker.passwordFile'),
    read(caFile, 'broker.caFile'),
    read(certificateFile, 'broker.certificateFile'),
    read(keyFile, 'broker.keyFile'),
  ]);
  return {
    url,
    clientId,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password: password.toString('utf8').trimEnd() }),
    tls: { ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}) },
  };
}

/** Its group may read it: services are given their secrets that way (systemd.exec(5), LoadCredential). */
async function requireSecret(path: string | undefined, what: string): Promise<void> {
  if (path === undefined) return;
  const { mode } = await stat(path).catch((error: unknown) => Promise.reject(readError(path, what, error)));
  if ((mode & 0o007) === 0) return;
  throw new OctetError(
    'CONFIG_INVALID',
    `${what}: expected a file that only the service may read, got ${path} with mode ${(mode & 0o777).toString(8)}`,
    {
      hint: `chmod 600 ${path}`,
    },
  );
}
