/** How the device proves who it is to the broker: secrets and certificates read from the files that the configuration names. */
import { readInput } from '../../runtime/base/files.ts';
import type { AgentConfig } from '../config.ts';
import type { LinkOptions } from './link.ts';

/** @throws FILE_NOT_FOUND, FILE_UNREADABLE naming the file's role. */
export async function linkTarget(broker: AgentConfig['broker'], clientId: string): Promise<LinkOptions['target']> {
  const { url, username, passwordFile, caFile, certificateFile, keyFile } = broker;
  const read = (path: string | undefined, what: string) => (path === undefined ? undefined : readInput(path, what));
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
