/** Whether somebody answers at an address, by the first step of the protocol only: nothing is said that another side would act on. */
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';

export type TlsFiles = {
  readonly ca?: Buffer | undefined;
  readonly cert?: Buffer | undefined;
  readonly key?: Buffer | undefined;
};

const timeoutMs = 8000;
/** A refusal is on its way for one round trip, also of a mobile network. */
const refusalMs = 1000;

/** @returns undefined when it was reached, else why not: the system's code or TLS's reason. */
export function reach(url: URL, tls: TlsFiles): Promise<string | undefined> {
  const isTls = ['mqtts:', 'wss:', 'https:'].includes(url.protocol);
  const port = Number(url.port || defaultPorts[url.protocol as keyof typeof defaultPorts]);
  return new Promise((resolve) => {
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const socket = isTls ? connectTls({ host, port, servername: host, ...tls }) : connectTcp({ host, port });
    const finish = (reason: string | undefined) => {
      socket.destroy();
      resolve(reason);
    };
    socket.setTimeout(timeoutMs, () => finish(`no answer within ${timeoutMs / 1000} s`));
    socket.once('error', (error) => finish('code' in error ? String(error.code) : error.message));
    socket.once('close', () => finish('ECONNRESET'));
    if (!isTls) return socket.once('connect', () => finish(undefined));
    // TLS 1.3: whether the server took our certificate shows only after our side is done, by what it sends next (RFC 8446 §4.4.2.4).
    return socket.resume().once('secureConnect', () => setTimeout(() => finish(undefined), refusalMs));
  });
}

const defaultPorts = { 'mqtt:': 1883, 'mqtts:': 8883, 'ws:': 80, 'wss:': 443, 'http:': 80, 'https:': 443 } as const;
