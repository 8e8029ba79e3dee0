/** `octet models …`: the operator's side of a signed repository, and pulling from one by hand. */
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import pico from 'picocolors';
import { fillDigests } from '../models/fill-digests.ts';
import { manifestJsonSchema } from '../models/manifest.ts';
import { type PullProgress, pullModel } from '../models/pull.ts';
import { addModel } from '../models/repository/add.ts';
import { initRepository, type KeyPlan } from '../models/repository/create.ts';
import { type RoleName, roles } from '../models/repository/layout.ts';
import { publishRepository } from '../models/repository/publish.ts';
import { refreshRepository } from '../models/repository/refresh.ts';
import { rotateKeys } from '../models/repository/rotate.ts';
import { defaultExpiryDays, type ExpiryDays } from '../models/repository/settings.ts';
import { verifyRepository } from '../models/repository/verify.ts';
import type { Validity } from '../models/trusted-metadata.ts';
import { systemClock as clock } from '../runtime/base/clock.ts';
import { OctetError } from '../runtime/base/errors.ts';
import { bytesFrom } from './options.ts';
import { printResult } from './print-result.ts';
import { defineTrain } from './train-model.ts';

const rootKeys = new Option('--root-keys <m/n>', 'm of n root keys must sign')
  .argParser(keyPlanFrom)
  .default({ keys: 1, threshold: 1 } satisfies KeyPlan, '1/1');

type Shared = { json?: boolean; keys?: string };
type PullOptions = { url: string; root: string; store: string; maxStore?: number };

export function define(command: Command): void {
  defineInit(command);
  defineAdd(command);
  definePublish(command);
  defineRefresh(command);
  defineRotate(command);
  defineVerify(command);
  definePull(command);
  defineManifest(command);
  defineTrain(command);
}

function defineInit(command: Command): void {
  withKeys(subcommand(command, 'init', 'make the signing keys and an empty repository'))
    .argument('<folder>', 'the folder to serve, by any static web server')
    .addOption(rootKeys)
    .option('--root-days <days>', 'validity of the root', daysFrom, defaultExpiryDays.root)
    .option('--targets-days <days>', 'validity of the list of models', daysFrom, defaultExpiryDays.targets)
    .option('--snapshot-days <days>', 'validity of the snapshot', daysFrom, defaultExpiryDays.snapshot)
    .option(
      '--timestamp-days <days>',
      'validity of the timestamp: refresh at least as often',
      daysFrom,
      defaultExpiryDays.timestamp,
    )
    .action(
      async (folder: string, options: Shared & { rootKeys: KeyPlan } & Record<`${keyof ExpiryDays}Days`, number>) => {
        const { rootDays, targetsDays, snapshotDays, timestampDays } = options;
        const expiryDays = { root: rootDays, targets: targetsDays, snapshot: snapshotDays, timestamp: timestampDays };
        const result = await initRepository(folder, {
          clock,
          expiryDays,
          keyPlans: { root: options.rootKeys },
          ...keysOf(options),
        });
        printResult(options.json, result, [
          `${pico.green('made')} ${result.folder}/ to be served, and ${result.keysFolder}/ to be kept secret and backed up`,
          `Devices pin ${result.rootFile}. Next: octet models add ${folder} MODEL_DIR`,
        ]);
      },
    );
}

function defineAdd(command: Command): void {
  withKeys(subcommand(command, 'add', 'put a model folder into a repository, unseen until publish'))
    .argument('<folder>', 'the repository')
    .argument('<model-dir>', 'a folder with manifest.json and the files it names')
    .action(async (folder: string, modelFolder: string, options: Shared) => {
      const result = await addModel(folder, modelFolder, keysOf(options));
      const next = result.added ? `Next: octet models publish ${folder}` : 'It was there already; nothing changed.';
      printResult(options.json, result, [
        `${pico.green('added')} ${result.name} ${result.version}  ${result.digest}`,
        next,
      ]);
    });
}

function definePublish(command: Command): void {
  withKeys(subcommand(command, 'publish', 'sign what was added and make it visible'))
    .argument('<folder>', 'the repository')
    .action(async (folder: string, options: Shared) => {
      const result = await publishRepository(folder, { clock, ...keysOf(options) });
      const lines = result.published.map(({ name, version }) => `${pico.green('published')} ${name} ${version}`);
      const validity = `Version ${result.timestampVersion}, valid until ${result.expires}; before then: octet models refresh ${folder}`;
      printResult(options.json, result, [
        ...(lines.length > 0 ? lines : ['nothing was added since the last publication']),
        validity,
      ]);
    });
}

function defineRefresh(command: Command): void {
  withKeys(subcommand(command, 'refresh', 'renew signatures before they expire (for a timer)'))
    .argument('<folder>', 'the repository')
    .action(async (folder: string, options: Shared) => {
      const result = await refreshRepository(folder, { clock, ...keysOf(options) });
      printResult(options.json, result, [
        ...result.renewed.map(({ role, version }) => `${pico.green('renewed')} ${role}, version ${version}`),
        ...result.postponed.map(
          ({ role, expires }) =>
            `${pico.yellow('needs its key')} ${role}, expires ${expires}: run refresh where that key is`,
        ),
      ]);
    });
}

function defineRotate(command: Command): void {
  withKeys(subcommand(command, 'rotate', 'give a role new keys; devices follow, and refuse the old ones'))
    .argument('<folder>', 'the repository')
    .addOption(new Option('--role <role>', 'whose keys').choices(roles).makeOptionMandatory())
    .option('--new-keys <m/n>', 'm of n new keys must sign (default: as now)', keyPlanFrom)
    .action(async (folder: string, options: Shared & { role: RoleName; newKeys?: KeyPlan }) => {
      const { role, newKeys } = options;
      const result = await rotateKeys(folder, { role, clock, ...(newKeys && { plan: newKeys }), ...keysOf(options) });
      printResult(options.json, result, [
        `${pico.green('rotated')} ${role}, root version ${result.rootVersion}`,
        ...result.newKeys.map((path) => `new key   ${path}`),
        ...result.retiredKeys.map((path) => `retired   ${path}  (nothing accepts it any more: destroy it)`),
      ]);
    });
}

function defineVerify(command: Command): void {
  subcommand(command, 'verify', 'judge a repository as a device would, and check every file')
    .argument('<folder>', 'the repository')
    .option('--root <file>', "the root that devices pin (default: the repository's own, which proves only consistency)")
    .action(async (folder: string, options: Shared & { root?: string }) => {
      const result = await verifyRepository(folder, {
        clock,
        ...(options.root === undefined ? {} : { rootFile: options.root }),
      });
      printResult(options.json, result, [
        ...result.roles.map(
          ({ role, version, expires }) =>
            `${role.padEnd(10)} version ${String(version).padEnd(5)} valid until ${expires}`,
        ),
        ...result.models.map(
          ({ name, version, current }) => `${name} ${version}${current ? pico.green(' current') : ''}`,
        ),
      ]);
      if (result.problems.length > 0)
        throw new OctetError('REPOSITORY_INVALID', result.problems.join('; '), {
          hint: 'Restore those files from a backup. Devices refuse them, so nothing wrong gets installed.',
        });
    });
}

function definePull(command: Command): void {
  subcommand(command, 'pull', 'fetch a model as a device does: verified down to every byte, or not at all')
    .argument('<model>', 'name, for its newest version, or name@version')
    .requiredOption('--url <url>', 'the repository: http://, https:// or file://')
    .requiredOption('--root <file>', 'the pinned first root, 1.root.json')
    .requiredOption('-o, --store <folder>', 'where models are kept, one folder each')
    .option('--max-store <size>', 'older models make room beyond this: 1GiB (default: no limit)', bytesFrom)
    .action(async (target: string, options: Shared & PullOptions) => {
      const storeFolder = resolve(options.store);
      const onProgress = process.stderr.isTTY ? showProgress : undefined;
      const result = await pullModel({
        url: options.url,
        rootFile: options.root,
        target,
        storeFolder,
        clock,
        ...(options.maxStore === undefined ? {} : { budget: { bytes: options.maxStore, keep: [] } }),
        ...(onProgress && { onProgress }),
      });
      printResult(options.json, result, [
        `${pico.green(result.origin)} ${result.name} ${result.version}  ${result.digest}`,
        result.folder,
        ...(result.validUntil ? [validityLine(result.validUntil)] : []),
      ]);
    });
}

function defineManifest(command: Command): void {
  subcommand(command, 'manifest', 'write sizes and digests of the files into MODEL_DIR/manifest.json')
    .argument('[model-dir]')
    .option('--schema', 'print the JSON Schema of a manifest instead')
    .action(async (folder: string | undefined, options: Shared & { schema?: boolean }) => {
      if (options.schema) return void process.stdout.write(`${JSON.stringify(manifestJsonSchema(), null, 2)}\n`);
      if (folder === undefined)
        throw new OctetError('USAGE', 'expected a model folder, or --schema, got neither', {
          hint: 'octet models manifest MODEL_DIR',
        });
      const manifest = await fillDigests(folder);
      const files = [manifest.model, ...(manifest.features ? [manifest.features] : [])];
      printResult(
        options.json,
        manifest,
        files.map(({ file, sha256, sizeBytes }) => `${sha256}  ${file}  ${sizeBytes} bytes`),
      );
    });
}

function subcommand(command: Command, name: string, description: string): Command {
  return command.command(name).description(description).option('--json', 'print one JSON document');
}

function withKeys(command: Command): Command {
  return command.option('--keys <folder>', 'the private keys (default: FOLDER.keys, beside the repository)');
}

function keysOf({ keys }: Shared): { keysFolder?: string } {
  return keys === undefined ? {} : { keysFolder: keys };
}

/** Within a week of the end, or after it, it is time to do something. */
function validityLine({ role, ms }: Validity): string {
  const days = Math.floor((ms - clock.wallMs()) / 86_400_000);
  const line = `the repository's ${role} is valid until ${new Date(ms).toISOString().slice(0, 10)}`;
  return days >= 7 ? line : `${pico.yellow(line)}: the operator must renew it, octet models refresh`;
}

function showProgress({ receivedBytes, totalBytes }: PullProgress): void {
  const percent = Math.floor((100 * receivedBytes) / totalBytes);
  process.stderr.write(`\r${percent} % of ${totalBytes} bytes${receivedBytes >= totalBytes ? '\n' : ''}`);
}

function daysFrom(text: string): number {
  const days = Number(text);
  if (days > 0 && days <= 36_500) return days;
  throw new InvalidArgumentError('expected days, above 0 and at most 36500.');
}

function keyPlanFrom(text: string): KeyPlan {
  const [, threshold, keys] = /^(\d{1,2})\/(\d{1,2})$/.exec(text) ?? [];
  if (threshold !== undefined) return { threshold: Number(threshold), keys: Number(keys) };
  throw new InvalidArgumentError('expected a form like 2/3: two of three keys must sign.');
}
