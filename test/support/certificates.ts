/** A certificate authority for one test, and what it signs. Made with openssl; every key is its own. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { requirements } from './requirements.ts';
import { temporaryFolder } from './temporary-folder.ts';

export type Certificate = { readonly certFile: string; readonly keyFile: string };

export type Authority = {
  readonly caFile: string;
  /** @param extensions lines of x509v3_config(5). */
  sign(name: string, extensions?: string): Promise<Certificate>;
};

export async function authority(t: Pick<TestContext, 'after'>): Promise<Authority> {
  const folder = await temporaryFolder(t);
  const at = (name: string) => join(folder, name);
  const openssl = (...words: string[]) => execFileSync(requirements.openssl, words, { stdio: 'ignore' });
  const key = (file: string) =>
    openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', file);
  key(at('ca.key'));
  openssl('req', '-x509', '-new', '-key', at('ca.key'), '-subj', '/CN=test', '-days', '2', '-out', at('ca.pem'));
  return {
    caFile: at('ca.pem'),
    sign: async (name, extensions = 'extendedKeyUsage=clientAuth') => {
      const [keyFile, certFile] = [at(`${name}.key`), at(`${name}.pem`)];
      key(keyFile);
      openssl('req', '-new', '-key', keyFile, '-subj', `/CN=${name}`, '-out', at(`${name}.csr`));
      await writeFile(at(`${name}.ext`), `${extensions}\n`);
      const by = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial'];
      openssl(
        'x509',
        '-req',
        '-in',
        at(`${name}.csr`),
        ...by,
        '-days',
        '2',
        '-extfile',
        at(`${name}.ext`),
        '-out',
        certFile,
      );
      return { certFile, keyFile };
    },
  };
}

export function pemsOf(authority: Authority, { certFile, keyFile }: Certificate) {
  return { ca: readFileSync(authority.caFile), cert: readFileSync(certFile), key: readFileSync(keyFile) };
}
