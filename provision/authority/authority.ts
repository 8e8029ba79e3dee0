/**
 * A site's certificate authority: a folder in the form of `openssl ca`, so that any administrator can look into it and go on with it. It signs
 * who may speak to the broker; who may order and what may run is signed by other keys, so that whoever takes the broker takes no device.
 */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join, resolve } from 'node:path';
import { OctetError } from '../../runtime/base/errors.ts';
import { writeFileAtomic } from '../../runtime/base/files.ts';
import { authorityConfig } from './config.ts';
import { type Holder, type Issued, readIndex } from './index-file.ts';
import { openssl } from './openssl.ts';

export type Authority = { readonly folder: string };

export type Certificate = {
  /** PEM files. */
  readonly certificate: string;
  /** Mode 0600; absent where somebody else made the key and sent a request. */
  readonly key?: string;
};

export type IssueOptions = {
  readonly holder: Holder;
  /** Certificate common name: the device's or operator's id, or the broker's first host. */
  readonly name: string;
  /** Names and addresses under which a broker is reached. */
  readonly hosts?: readonly string[];
  readonly days: number;
  /** Where the key and the certificate go. */
  readonly outFolder: string;
  /** A request (CSR) made where the key is; its subject is not believed, only its key. */
  readonly requestPath?: string;
};

/** A small site's authority outlives its hardware; devices pin it. */
const authorityDays = 3650;
/** Until then a broker believes that a certificate was not revoked; renewed by each change and by `refresh`. */
const revocationListDays = 365;

/** @throws USAGE when the folder holds something already, PLATFORM_UNSUPPORTED, AUTHORITY_FAILED */
export async function createAuthority(folder: string, siteName: string): Promise<Authority> {
  const names = await readdir(folder).catch(() => []);
  if (names.length > 0)
    throw new OctetError('USAGE', `${folder}: expected an empty or absent folder, got ${names.length} files`, {
      hint: 'It holds an authority already; go on with it, or name another folder.',
    });
  await mkdir(join(folder, 'issued'), { recursive: true, mode: 0o700 });
  await writeFileAtomic(join(folder, 'openssl.cnf'), authorityConfig(siteName));
  for (const [name, content] of [
    ['index.txt', ''],
    ['index.txt.attr', 'unique_subject = no\n'],
    ['crlnumber', '1000\n'],
  ] as const)
    await writeFileAtomic(join(folder, name), content);
  await makeKey(folder, 'ca.key');
  const self = ['req', '-config', 'openssl.cnf', '-new', '-x509', '-key', 'ca.key', '-days', `${authorityDays}`];
  await openssl(folder, [...self, '-extensions', 'authority', '-out', 'ca.pem']);
  await refreshRevocations({ folder });
  return { folder };
}

/** @throws FILE_NOT_FOUND when it is none. */
export async function openAuthority(folder: string): Promise<Authority> {
  await readFile(join(folder, 'openssl.cnf')).catch((cause) => {
    throw new OctetError('FILE_NOT_FOUND', `authority: expected openssl.cnf in ${folder}, got none`, {
      hint: `Make one first: octet provision broker`,
      cause,
    });
  });
  return { folder };
}

/** Every certificate that was ever issued, in order. */
export async function issuedBy({ folder }: Authority): Promise<Issued[]> {
  return readIndex(await readFile(join(folder, 'index.txt'), 'utf8'));
}

/** @throws USAGE when the name belongs to another kind of holder, AUTHORITY_FAILED */
export async function issue(authority: Authority, options: IssueOptions): Promise<Certificate> {
  const { folder } = authority;
  const { holder, name, hosts = [], days } = options;
  await requireFree(authority, holder, name);
  // openssl runs in the authority's folder.
  const outFolder = resolve(options.outFolder);
  await mkdir(outFolder, { recursive: true, mode: 0o700 });
  const [certificate, key, request] = ['pem', 'key', 'csr'].map((end) => join(outFolder, `${holder}.${end}`));
  const requestPath = options.requestPath === undefined ? undefined : resolve(options.requestPath);
  const made = requestPath === undefined;
  if (made) {
    await makeKey(outFolder, key!);
    await openssl(folder, [
      'req',
      '-config',
      'openssl.cnf',
      '-new',
      '-key',
      key!,
      '-subj',
      '/CN=request',
      '-out',
      request!,
    ]);
  }
  const subject = `/O=octet/OU=${holder}/CN=${name}`;
  const words = ['ca', '-config', 'openssl.cnf', '-batch', '-notext', '-extensions', holder, '-days', `${days}`];
  const files = ['-subj', subject, '-in', requestPath ?? request!, '-out', certificate!];
  await openssl(folder, [...words, ...files], { OCTET_HOSTS: subjectAltName(hosts) });
  if (made) await rm(request!);
  return { certificate: certificate!, ...(made ? { key: key! } : {}) };
}

/** Takes back every valid certificate of a holder. @returns how many. @throws AUTHORITY_FAILED */
export async function revoke(authority: Authority, name: string): Promise<number> {
  const { folder } = authority;
  const valid = (await issuedBy(authority)).filter((issued) => issued.name === name && issued.state === 'valid');
  for (const { serial } of valid)
    await openssl(folder, ['ca', '-config', 'openssl.cnf', '-revoke', join('issued', `${serial}.pem`)]);
  await refreshRevocations(authority);
  return valid.length;
}

/** Signs the list of what was taken back again. */
export async function refreshRevocations({ folder }: Authority): Promise<void> {
  const days = ['-crldays', `${revocationListDays}`];
  await openssl(folder, ['ca', '-config', 'openssl.cnf', '-gencrl', ...days, '-out', 'crl.pem']);
}

/** P-256: what every TLS 1.3 peer has, microcontrollers included. */
async function makeKey(folder: string, path: string): Promise<void> {
  await openssl(folder, ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', path]);
}

/** Access is by name: a device must not have an operator's. */
async function requireFree(authority: Authority, holder: Holder, name: string): Promise<void> {
  const other = (await issuedBy(authority)).find((issued) => issued.name === name && issued.holder !== holder);
  if (other)
    throw new OctetError('USAGE', `${name}: expected a name that is no ${other.holder}'s, got one that is`, {
      hint: 'The broker gives access by this name. Choose another one.',
    });
}

/** `DNS:hub.example, IP:192.0.2.7` (RFC 5280 §4.2.1.6). */
function subjectAltName(hosts: readonly string[]): string {
  return hosts.map((host) => `${isIP(host) === 0 ? 'DNS' : 'IP'}:${host}`).join(', ') || 'DNS:localhost';
}
