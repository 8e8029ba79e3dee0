/** Opening a port, with an error that says which one is taken and what to do. */
import type { AddressInfo, Server } from 'node:net';
import { OctetError, systemCodeOf } from '../../runtime/base/errors.ts';

/**
 * @param port 0 takes any free port.
 * @returns the port.
 * @throws PORT_IN_USE.
 */
export async function listen(server: Server, port: number, host: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  }).catch((error: unknown) => {
    throw listenError(error, port, host);
  });
  return (server.address() as AddressInfo).port;
}

export function listenError(error: unknown, port: number, host: string): unknown {
  const code = systemCodeOf(error);
  if (code === 'EADDRINUSE')
    return new OctetError('PORT_IN_USE', `expected port ${port} of ${host} to be free, got one that is in use`, {
      hint: `Take another one (octet demo --port ${port + 1}), or any free one (octet demo --port 0).`,
      cause: error,
    });
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL')
    return new OctetError('USAGE', `expected to listen on ${host}:${port}, got ${code}`, {
      hint: 'Use an address of this machine and a port above 1023: octet demo --host 127.0.0.1 --port 8080',
      cause: error,
    });
  return error;
}
