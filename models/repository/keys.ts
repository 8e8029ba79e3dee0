/**
 * Signing keys: Ed25519, one PKCS#8 PEM file each, readable by their owner only, in a folder that is never published.
 * Which role a key signs is written in the root metadata and nowhere else, so a key file's name means nothing.
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Key, Signature } from '@tufjs/models';
import { OctetError } from '../../runtime/base/errors.ts';
import { readInput, syncFolder, writeError } from '../../runtime/base/files.ts';

export type Signer = {
  /** The private key's file. */
  readonly path: string;
  /** The public half, as root metadata lists it. */
  readonly key: Key;
  sign(bytes: Buffer): Signature;
};

/** Makes a key and stores it as `<folder>/<name>.pem`, mode 0600. @throws WRITE_FAILED when there is one already. */
export async function createKey(folder: string, name: string): Promise<Signer> {
  const { privateKey } = generateKeyPairSync('ed25519');
  const path = join(folder, `${name}.pem`);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    // 'wx': a key that exists is never overwritten; what it signed could not be renewed.
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
    await writeFile(path, pem, { mode: 0o600, flag: 'wx', flush: true });
    await syncFolder(folder);
  } catch (error) {
    throw writeError(path, error);
  }
  return signerFrom(path, privateKey);
}

/** Every key in the folder. @throws FILE_UNREADABLE, REPOSITORY_INVALID when a `.pem` is no Ed25519 private key. */
export async function loadKeys(folder: string): Promise<Signer[]> {
  const names = await readdir(folder).catch((cause) => {
    throw new OctetError('FILE_NOT_FOUND', `keys: expected a folder at ${folder}, got none`, {
      hint: 'Name the folder that octet models init wrote: --keys FOLDER',
      cause,
    });
  });
  const pemFiles = names.filter((name) => name.endsWith('.pem')).sort();
  return Promise.all(pemFiles.map((name) => loadKey(join(folder, name))));
}

async function loadKey(path: string): Promise<Signer> {
  const pem = await readInput(path, 'signing key');
  try {
    return signerFrom(path, createPrivateKey(pem));
  } catch (cause) {
    throw new OctetError(
      'REPOSITORY_INVALID',
      `${path}: expected an Ed25519 private key (PKCS#8 PEM), got something else`,
      {
        hint: 'Restore the file from your backup of the keys.',
        cause,
      },
    );
  }
}

function signerFrom(path: string, privateKey: KeyObject): Signer {
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' });
  if (privateKey.asymmetricKeyType !== 'ed25519' || x === undefined) throw new Error('not an Ed25519 key');
  const publicHex = Buffer.from(x, 'base64url').toString('hex');
  const keyID = keyIdOf(publicHex);
  return {
    path,
    key: new Key({ keyID, keyType: 'ed25519', scheme: 'ed25519', keyVal: { public: publicHex } }),
    sign: (bytes) => new Signature({ keyID, sig: sign(null, bytes, privateKey).toString('hex') }),
  };
}

/** TUF §4.2: the SHA-256 of the key's canonical JSON, whose fields are written here in their canonical order. */
function keyIdOf(publicHex: string): string {
  const canonical = JSON.stringify({ keytype: 'ed25519', keyval: { public: publicHex }, scheme: 'ed25519' });
  return createHash('sha256').update(canonical).digest('hex');
}
