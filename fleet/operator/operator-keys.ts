/**
 * The operator's signing key: Ed25519, a private JWK in a file that only its owner may read, and beside it the public half in
 * the form that a device pins.
 */
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { checkedKeysSchema, thumbprintOf } from '../../agent/orders/key-ring.ts';
import { idSchema, type OperatorKey, operatorKeySchema } from '../../agent/protocol/orders.ts';
import { OctetError, systemCodeOf } from '../../runtime/base/errors.ts';
import { syncFolder, writeError } from '../../runtime/base/files.ts';
import { readJson } from '../../runtime/base/json.ts';

const privateKeySchema = operatorKeySchema.extend({
  d: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'expected 32 bytes in base64url'),
});
export type OperatorPrivateKey = z.output<typeof privateKeySchema>;

const privateEnd = '.key.json';
const publicEnd = '.pub.json';

/** `~/.config/octet/keys`, or where XDG_CONFIG_HOME says. */
export function defaultKeysFolder(environment: NodeJS.ProcessEnv = process.env): string {
  return join(environment.XDG_CONFIG_HOME ?? join(homedir(), '.config'), 'octet', 'keys');
}

/** Where an operator's two halves lie. */
export function keyFilesOf(operator: string, folder: string): { privateFile: string; publicFile: string } {
  return { privateFile: join(folder, `${operator}${privateEnd}`), publicFile: join(folder, `${operator}${publicEnd}`) };
}

export type MadeKey = { readonly privateFile: string; readonly publicFile: string; readonly key: OperatorKey };

/** @throws WRITE_FAILED when there is such a key already: what it signed could never be signed again. */
export async function makeOperatorKey(operator: string, folder: string): Promise<MadeKey> {
  if (!idSchema.safeParse(operator).success)
    throw new OctetError('USAGE', `operator: expected 1 to 64 of A-Z a-z 0-9 _ -, got ${JSON.stringify(operator)}`);
  const { x, d } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  if (x === undefined || d === undefined) throw new OctetError('INTERNAL', 'Ed25519: expected a key, got none');
  const key: OperatorKey = { kty: 'OKP', crv: 'Ed25519', x, kid: thumbprintOf(x), operator };
  const { privateFile, publicFile } = keyFilesOf(operator, folder);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    // 'wx': a key that exists is never overwritten.
    await writeFile(privateFile, textFrom({ ...key, d }), { mode: 0o600, flag: 'wx', flush: true });
    await writeFile(publicFile, textFrom({ keys: [key] }), { mode: 0o644, flush: true });
    await syncFolder(folder);
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST') throw writeError(privateFile, error);
    throw new OctetError('WRITE_FAILED', `${privateFile}: expected no key of that name yet, got one`, {
      hint: `Use it, or choose another name: octet fleet keys ${operator}-2`,
      cause: error,
    });
  }
  return { privateFile, publicFile, key };
}

/** @throws FILE_NOT_FOUND, CONFIG_INVALID for what is no key, or one that others may read. */
export async function readOperatorKey(path: string): Promise<OperatorPrivateKey> {
  const key = await readJson(path, privateKeySchema, {
    code: 'CONFIG_INVALID',
    what: `operator's key ${path}`,
    hint: 'Make one: octet fleet keys NAME',
  });
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0)
    throw new OctetError(
      'CONFIG_INVALID',
      `${path}: expected a file that only its owner may read, got mode ${(mode & 0o777).toString(8)}`,
      { hint: `chmod 600 ${path}` },
    );
  return key;
}

/** The only private key in the folder. @throws USAGE when there are several or none. */
export async function onlyKeyFile(folder: string): Promise<string> {
  const names = (await filesIn(folder)).filter((name) => name.endsWith(privateEnd));
  const [only, ...others] = names;
  if (only !== undefined && others.length === 0) return join(folder, only);
  throw new OctetError('USAGE', `--as: expected one operator's key in ${folder}, got ${names.length}`, {
    hint: names.length === 0 ? 'Make one: octet fleet keys NAME' : `Name one: --as ${join(folder, only ?? '')}`,
  });
}

/** Public keys beside a private one: those whose orders this operator builds upon. */
export function knownOperators(keyFile: string): Promise<readonly OperatorKey[]> {
  return listPublicKeys(dirname(keyFile));
}

export async function listPublicKeys(folder: string): Promise<readonly OperatorKey[]> {
  const names = (await filesIn(folder)).filter((name) => name.endsWith(publicEnd));
  const files = await Promise.all(names.map((name) => readPublicKeys(join(folder, name))));
  return files.flat();
}

export async function readPublicKeys(path: string): Promise<readonly OperatorKey[]> {
  const expectation = { code: 'CONFIG_INVALID', what: `public keys ${path}` } as const;
  return (await readJson(path, checkedKeysSchema, expectation)).keys;
}

async function filesIn(folder: string): Promise<string[]> {
  // No folder holds no keys; whoever needs one is told how to make it.
  return (await readdir(folder).catch(() => [])).sort();
}

function textFrom(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
