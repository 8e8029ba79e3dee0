/**
 * A site as its operator keeps it: a private folder with the authority and what the broker gets. Whatever changes (a new operator, a device
 * that was taken away) changes here first, and the broker's files follow from it.
 */
import { chmod, copyFile, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { idPattern } from '../agent/protocol/topics.ts';
import { OctetError } from '../runtime/base/errors.ts';
import { writeFileAtomic } from '../runtime/base/files.ts';
import { readJson } from '../runtime/base/json.ts';
import {
  type Authority,
  type Certificate,
  createAuthority,
  issue,
  issuedBy,
  openAuthority,
  revoke,
} from './authority/authority.ts';
import { accessRules, mosquittoConfig } from './broker/mosquitto.ts';

const siteSchema = z.strictObject({
  format: z.literal(1),
  /** Names and addresses of the broker; the first is what devices connect to. */
  hosts: z.array(z.string().min(1)).min(1),
  port: z.int().min(1).max(65_535),
  webSocketPort: z.int().min(1).max(65_535).optional(),
  /** Where the broker finds its files. */
  brokerFolder: z.string(),
});

export type SiteSettings = Omit<z.output<typeof siteSchema>, 'format'>;
export type Site = { readonly folder: string; readonly settings: SiteSettings; readonly authority: Authority };

/** Short enough that a certificate that leaked ends, long enough that a device in a drawer still comes back. */
export const deviceDays = 730;
const operatorDays = 365;
const brokerDays = 730;

/** @throws USAGE when the folder holds something already, PLATFORM_UNSUPPORTED, AUTHORITY_FAILED */
export async function createSite(folder: string, settings: SiteSettings): Promise<Site> {
  if ((await readdir(folder).catch(() => [])).length > 0)
    throw new OctetError('USAGE', `${folder}: expected an empty or absent folder, got one with files`, {
      hint: 'It may be a site already: octet provision ls. Else name another folder.',
    });
  settings.hosts.forEach(requireHost);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const authority = await createAuthority(join(folder, 'authority'), settings.hosts[0]!);
  const site = { folder, settings, authority };
  await issue(authority, {
    ...{ holder: 'broker', name: settings.hosts[0]!, hosts: settings.hosts, days: brokerDays },
    outFolder: brokerFolderOf(site),
  });
  await writeFileAtomic(join(folder, 'site.json'), `${JSON.stringify({ format: 1, ...settings }, null, 2)}\n`);
  await writeBrokerFiles(site);
  return site;
}

/** @throws FILE_NOT_FOUND, CONFIG_INVALID */
export async function openSite(folder: string): Promise<Site> {
  const { format, ...settings } = await readJson(join(folder, 'site.json'), siteSchema, {
    code: 'CONFIG_INVALID',
    what: `site ${folder}`,
    hint: `Make one first: octet provision broker ${folder} --host NAME`,
  });
  return { folder, settings, authority: await openAuthority(join(folder, 'authority')) };
}

/** What goes to the broker's machine: `octet.conf`, `acl`, certificates, revocations. */
export function brokerFolderOf({ folder }: Pick<Site, 'folder'>): string {
  return join(folder, 'broker');
}

/** A certificate by which an operator reaches the broker. The signing key of orders is another one: `octet fleet keys`. */
export async function addOperator(site: Site, name: string): Promise<Certificate> {
  requireId('operator', name);
  const outFolder = join(site.folder, 'operators', name);
  const certificate = await issue(site.authority, { holder: 'operator', name, days: operatorDays, outFolder });
  await copyFile(join(site.authority.folder, 'ca.pem'), join(outFolder, 'ca.pem'));
  await writeBrokerFiles(site);
  return certificate;
}

/** Takes back a device's or an operator's certificates. @throws USAGE when nobody of that name has a valid one. */
export async function removeHolder(site: Site, name: string): Promise<number> {
  const count = await revoke(site.authority, name);
  if (count === 0)
    throw new OctetError('USAGE', `${name}: expected a holder of a valid certificate, got none of that name`, {
      hint: `See who there is: octet provision ls ${site.folder}`,
    });
  await writeBrokerFiles(site);
  return count;
}

export function requireId(what: string, name: string): void {
  if (!idPattern.test(name))
    throw new OctetError('USAGE', `${what}: expected 1 to 64 of A-Z a-z 0-9 _ -, got ${JSON.stringify(name)}`, {
      hint: 'It becomes a part of MQTT topics and of certificates.',
    });
}

function requireHost(host: string): void {
  if (!/^[A-Za-z0-9.:-]{1,253}$/.test(host))
    throw new OctetError('USAGE', `host: expected a name or an address, got ${JSON.stringify(host)}`, {
      hint: 'For example --host hub.example 192.0.2.7',
    });
}

async function writeBrokerFiles(site: Site): Promise<void> {
  const { authority, settings } = site;
  const folder = brokerFolderOf(site);
  const operators = (await issuedBy(authority))
    .filter(({ holder, state }) => holder === 'operator' && state === 'valid')
    .map(({ name }) => name);
  const { port, webSocketPort, brokerFolder } = settings;
  const config = mosquittoConfig({ port, folder: brokerFolder, ...(webSocketPort ? { webSocketPort } : {}) });
  await writeFileAtomic(join(folder, 'octet.conf'), config);
  await writeFileAtomic(join(folder, 'acl'), accessRules([...new Set(operators)].sort()));
  for (const name of ['ca.pem', 'crl.pem']) await copyFile(join(authority.folder, name), join(folder, name));
  // mosquitto refuses rules that others may change, and warns of those that others may read.
  await chmod(join(folder, 'acl'), 0o600);
}
