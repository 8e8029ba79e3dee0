/**
 * All that makes a computer a device of this site, in one small folder: who it is, which broker it speaks to, which repository and whose orders
 * it believes. `octet agent --config BUNDLE/config.json` runs it as it lies there.
 */
import { copyFile, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { configSchema } from '../../agent/config.ts';
import { OctetError } from '../../runtime/base/errors.ts';
import { readInput, writeFileAtomic } from '../../runtime/base/files.ts';
import { checkValue } from '../../runtime/base/json.ts';
import { issue } from '../authority/authority.ts';
import { deviceDays, requireId, type Site } from '../site.ts';

export type EnrolOptions = {
  /** The device's id. */
  readonly device: string;
  readonly outFolder: string;
  /** Where models come from, and the pinned first root that makes them trustworthy. */
  readonly repositoryUrl: string;
  readonly rootFile: string;
  /** Public keys whose orders are obeyed; without them the device obeys nobody. */
  readonly operatorKeys?: string;
  /** The slots of its configuration, as `octet agent` takes them. */
  readonly slots: readonly unknown[];
  readonly dataFolder?: string;
};

export type Bundle = { readonly folder: string; readonly configFile: string; readonly expiresDays: number };

const defaultDataFolder = '/var/lib/octet';

/** @throws USAGE, CONFIG_INVALID naming what is wrong with the slots, FILE_NOT_FOUND, AUTHORITY_FAILED. Nothing is issued then. */
export async function enrolDevice(site: Site, options: EnrolOptions): Promise<Bundle> {
  const { device, outFolder, rootFile, operatorKeys } = options;
  requireId('device', device);
  if ((await readdir(outFolder).catch(() => [])).length > 0)
    throw new OctetError('USAGE', `${outFolder}: expected an empty or absent folder, got one with files`, {
      hint: 'Name another folder for the bundle: -o FOLDER',
    });
  const config = configOf(site, options);
  const what = `the configuration of ${device}`;
  checkValue(config, configSchema, { code: 'CONFIG_INVALID', what, hint: 'Edit the file of slots, then enrol again.' });
  const [root, keys] = [
    await readInput(rootFile, 'first root'),
    operatorKeys && (await readInput(operatorKeys, 'operator keys')),
  ];
  await mkdir(outFolder, { recursive: true, mode: 0o700 });
  await issue(site.authority, { holder: 'device', name: device, days: deviceDays, outFolder });
  await copyFile(join(site.authority.folder, 'ca.pem'), join(outFolder, 'ca.pem'));
  await writeFileAtomic(join(outFolder, '1.root.json'), root);
  if (keys) await writeFileAtomic(join(outFolder, 'operators.json'), keys);
  const configFile = join(outFolder, 'config.json');
  await writeFileAtomic(configFile, `${JSON.stringify(config, null, 2)}\n`);
  return { folder: outFolder, configFile, expiresDays: deviceDays };
}

/** Paths are relative to the file: the bundle works wherever it is put. */
function configOf({ settings }: Site, options: EnrolOptions) {
  const { device, repositoryUrl, slots, dataFolder = defaultDataFolder, operatorKeys } = options;
  return {
    device,
    dataFolder,
    broker: {
      url: `mqtts://${settings.hosts[0]}:${settings.port}`,
      caFile: 'ca.pem',
      certificateFile: 'device.pem',
      keyFile: 'device.key',
    },
    repository: { url: repositoryUrl, rootFile: '1.root.json' },
    ...(operatorKeys === undefined ? {} : { orders: { operatorKeys: 'operators.json' } }),
    slots,
  };
}
