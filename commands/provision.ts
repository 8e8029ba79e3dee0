/** `octet provision …`: a site's broker, its operators and its devices. */
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import pico from 'picocolors';
import { z } from 'zod';
import { issuedBy } from '../provision/authority/authority.ts';
import type { Issued } from '../provision/authority/index-file.ts';
import { installBroker } from '../provision/broker/install.ts';
import type { Finding } from '../provision/doctor/finding.ts';
import { enrolDevice } from '../provision/enrol/bundle.ts';
import { addOperator, brokerFolderOf, createSite, openSite, removeHolder } from '../provision/site.ts';
import { systemClock } from '../runtime/base/clock.ts';
import { exitCodes } from '../runtime/base/errors.ts';
import { readJson } from '../runtime/base/json.ts';
import { type Column, tableLines } from './text-table.ts';

type Shared = { json?: boolean };

export function define(command: Command): void {
  defineBroker(command);
  defineInstall(command);
  defineOperator(command);
  defineEnrol(command);
  defineRevoke(command);
  defineList(command);
  defineDoctor(command);
}

function defineBroker(command: Command): void {
  subcommand(command, 'broker', 'a site: its certificate authority, and all that its mosquitto needs')
    .argument('<site>', 'a private folder to make')
    .requiredOption('--host <name...>', 'names or addresses of the broker; devices connect to the first')
    .option('--port <port>', 'MQTT over TLS', portFrom, 8883)
    .option('--websocket-port <port>', 'secure WebSocket for the page (default: none)', portFrom)
    .option('--etc <folder>', "the broker's configuration", '/etc/mosquitto')
    .action(async (folder: string, options: Shared & BrokerOptions) => {
      const { host: hosts, port, websocketPort, etc } = options;
      const ports = { port, ...(websocketPort ? { webSocketPort: websocketPort } : {}) };
      const site = await createSite(folder, { hosts, ...ports, brokerFolder: join(etc, 'octet') });
      print(options, { folder, broker: brokerFolderOf(site), ...site.settings }, [
        `${pico.green('made')} the site ${folder}: keep it private, and a backup of it elsewhere`,
        `On the broker's machine: sudo apt install mosquitto; sudo octet provision install ${folder} --etc ${etc}`,
        `Then: octet provision operator ${folder} NAME; octet provision enrol ${folder} DEVICE …`,
      ]);
    });
}

type BrokerOptions = { host: string[]; port: number; websocketPort?: number; etc: string };

function defineInstall(command: Command): void {
  subcommand(command, 'install', "put a site's files where Debian's mosquitto finds them (as root)")
    .argument('<site>', 'the site')
    .option('--etc <folder>', "the broker's configuration", '/etc/mosquitto')
    .action(async (folder: string, options: Shared & { etc: string }) => {
      const written = await installBroker(await openSite(folder), options.etc);
      print(options, { written }, [
        ...written.map((path) => `${pico.green('wrote')} ${path}`),
        'Now: sudo systemctl restart mosquitto (after new operators or revocations a reload is not enough)',
      ]);
    });
}

function defineOperator(command: Command): void {
  subcommand(command, 'operator', 'a certificate by which an operator reaches the broker')
    .argument('<site>', 'the site')
    .argument('<name>', 'the name in topics and access rules')
    .action(async (folder: string, name: string, options: Shared) => {
      const site = await openSite(folder);
      const files = await addOperator(site, name);
      print(options, { name, ...files }, [
        `${pico.green('issued')} ${files.certificate} and ${files.key}`,
        `The broker must learn of it: sudo octet provision install ${folder}`,
      ]);
    });
}

function defineEnrol(command: Command): void {
  subcommand(command, 'enrol', 'all that makes a computer a device of this site, in one folder')
    .argument('<site>', 'the site')
    .argument('<device>', 'its id: 1 to 64 of A-Z a-z 0-9 _ -')
    .requiredOption('--repository <url>', 'where models come from')
    .requiredOption('--root <file>', 'the pinned first root, 1.root.json')
    .requiredOption('--slots <file>', 'JSON array of slots, as in the configuration of the agent')
    .option('--operator-keys <file>', 'public keys whose orders are obeyed (octet fleet keys); without them none are')
    .option('--data-folder <folder>', 'where the device keeps its store', '/var/lib/octet')
    .option('-o, --out <folder>', 'the bundle (default: DEVICE)')
    .action(async (folder: string, device: string, options: Shared & EnrolWords) => {
      const slots = await readJson(options.slots, z.array(z.unknown()), {
        code: 'CONFIG_INVALID',
        what: options.slots,
      });
      const bundle = await enrolDevice(await openSite(folder), {
        ...{ device, slots, outFolder: options.out ?? device, dataFolder: options.dataFolder },
        ...{ repositoryUrl: options.repository, rootFile: options.root },
        ...(options.operatorKeys === undefined ? {} : { operatorKeys: options.operatorKeys }),
      });
      print(options, bundle, [
        `${pico.green('enrolled')} ${device}; its certificate is valid for ${bundle.expiresDays} days`,
        `Copy ${bundle.folder}/ to the device, then there: octet agent --config ${bundle.configFile}`,
      ]);
    });
}

type EnrolWords = {
  repository: string;
  root: string;
  slots: string;
  operatorKeys?: string;
  dataFolder: string;
  out?: string;
};

function defineRevoke(command: Command): void {
  subcommand(command, 'revoke', "take back a device's or an operator's certificates")
    .argument('<site>', 'the site')
    .argument('<name>', 'the device or operator')
    .action(async (folder: string, name: string, options: Shared) => {
      const revoked = await removeHolder(await openSite(folder), name);
      print(options, { name, revoked }, [
        `${pico.green('revoked')} ${revoked} certificate${revoked === 1 ? '' : 's'} of ${name}`,
        `The broker must learn of it: sudo octet provision install ${folder}; sudo systemctl restart mosquitto`,
      ]);
    });
}

function defineList(command: Command): void {
  subcommand(command, 'ls', 'who has a certificate, and until when')
    .argument('<site>', 'the site')
    .action(async (folder: string, options: Shared) => {
      const issued = await issuedBy((await openSite(folder)).authority);
      print(options, issued, tableLines(issued, columns));
    });
}

/** Within so many days of its end a certificate is due. */
const dueDays = 60;

const columns: readonly Column<Issued>[] = [
  { title: 'name', align: 'left', cell: ({ name }) => name },
  { title: 'is', align: 'left', cell: ({ holder }) => holder ?? '' },
  { title: 'state', align: 'left', cell: ({ state }) => state },
  { title: 'until', align: 'left', cell: ({ expiresMs }) => new Date(expiresMs).toISOString().slice(0, 10) },
  { title: '', align: 'left', cell: dueWord },
];

function dueWord({ state, expiresMs }: Issued): string {
  const days = Math.floor((expiresMs - systemClock.wallMs()) / 86_400_000);
  return state === 'valid' && days < dueDays ? `${days} days left: enrol again` : '';
}

function defineDoctor(command: Command): void {
  subcommand(command, 'doctor', 'on a device: what commonly goes wrong, and what to do about it')
    .option('--config <file>', "the agent's configuration; without it only the device is looked at")
    .action(async (options: Shared & { config?: string }) => {
      const { examine } = await import('../provision/doctor/examine.ts');
      const findings = await examine(options.config, systemClock);
      print(options, findings, findings.flatMap(findingLines));
      if (findings.some(({ verdict }) => verdict === 'bad')) process.exitCode = exitCodes.failed;
    });
}

const marks = { good: pico.green('✓'), poor: pico.yellow('!'), bad: pico.red('✗') } as const;
const nameWidth = 19;

function findingLines({ name, verdict, found, advice }: Finding): string[] {
  const line = `${marks[verdict]} ${name.padEnd(nameWidth)} ${found}`;
  return advice === undefined ? [line] : [line, `  ${' '.repeat(nameWidth)} ${pico.dim('→')} ${advice}`];
}

function subcommand(command: Command, name: string, description: string): Command {
  return command.command(name).description(description).option('--json', 'print one JSON document');
}

function print({ json }: Shared, result: object, lines: readonly string[]): void {
  process.stdout.write(json ? `${JSON.stringify(result)}\n` : lines.map((line) => `${line}\n`).join(''));
}

function portFrom(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new InvalidArgumentError('expected a port, 1 to 65535.');
}
