/** Puts a site's broker files where Debian's mosquitto looks for them. The broker itself is started again by whoever calls. */
import { spawnSync } from 'node:child_process';
import { chmod, chown, copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { OctetError } from '../../runtime/base/errors.ts';
import { writeError } from '../../runtime/base/files.ts';
import { brokerFolderOf, type Site } from '../site.ts';

/** mosquitto reads them after it has given up root. */
const secretFiles = ['broker.key', 'acl'] as const;
const openFiles = ['broker.pem', 'ca.pem', 'crl.pem'] as const;
const serviceUser = 'mosquitto';

/** @param etc `/etc/mosquitto`. @throws PLATFORM_UNSUPPORTED without mosquitto's user, WRITE_FAILED */
export async function installBroker(site: Site, etc: string): Promise<readonly string[]> {
  const from = brokerFolderOf(site);
  const [to, config] = [site.settings.brokerFolder, join(etc, 'conf.d', 'octet.conf')];
  const owner = userOf(serviceUser);
  try {
    await mkdir(to, { recursive: true });
    await mkdir(join(etc, 'conf.d'), { recursive: true });
    for (const name of [...secretFiles, ...openFiles]) {
      await copyFile(join(from, name), join(to, name));
      await chown(join(to, name), owner.uid, owner.gid);
      await chmod(join(to, name), (secretFiles as readonly string[]).includes(name) ? 0o600 : 0o644);
    }
    await copyFile(join(from, 'octet.conf'), config);
  } catch (error) {
    throw writeError(etc, error);
  }
  return [config, to];
}

function userOf(name: string): { uid: number; gid: number } {
  const { stdout } = spawnSync('getent', ['passwd', name], { encoding: 'utf8' });
  const [, , uid, gid] = (stdout ?? '').split(':');
  if (uid && gid) return { uid: Number(uid), gid: Number(gid) };
  throw new OctetError('PLATFORM_UNSUPPORTED', `broker: expected the user ${name}, got none on this machine`, {
    hint: 'Install the broker first: sudo apt install mosquitto',
  });
}
