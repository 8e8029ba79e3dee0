/** `octet fleet …`: the operator's side. Looks at devices, and gives them signed orders through the broker. */
import { type Command, InvalidArgumentError } from 'commander';
import pico from 'picocolors';
import { type RequestName, requestArgs } from '../agent/protocol/orders.ts';
import { defaultKeysFolder, listPublicKeys, makeOperatorKey } from '../fleet/operator/operator-keys.ts';
import { systemClock as clock } from '../runtime/base/clock.ts';
import { OctetError } from '../runtime/base/errors.ts';
import { checkLines, deviceLines, oneDeviceLines, replyLines } from './fleet-lines.ts';
import { defineDeploy, defineJobs } from './fleet-orders.ts';
import { deviceFrom, type FleetOptions, fleetCommand, openSession, unheardOf } from './fleet-session.ts';
import { watchFleet } from './fleet-watch.ts';
import { printResult } from './print-result.ts';

export function define(command: Command): void {
  defineKeys(command);
  defineLooking(command);
  defineDeploy(command);
  defineJobs(command);
  defineRequest(command);
}

function defineKeys(command: Command): void {
  command
    .command('keys')
    .description("make an operator's signing key; without a name, list those there are")
    .argument('[name]', 'of the operator: answers of devices go to this name')
    .option('--folder <folder>', 'where keys are kept', defaultKeysFolder())
    .option('--json', 'print one JSON document')
    .action(async (name: string | undefined, { folder, json }: { folder: string; json?: boolean }) => {
      if (name === undefined) return listKeys(folder, json);
      const made = await makeOperatorKey(name, folder);
      printResult(json, { ...made.key, privateFile: made.privateFile, publicFile: made.publicFile }, [
        `${pico.green('made')} ${made.privateFile}: keep it secret and backed up`,
        `Devices obey it once they pin ${made.publicFile}: "orders": { "operatorKeys": "…" } in their configuration.`,
        pico.dim(`thumbprint ${made.key.kid}`),
      ]);
    });
}

async function listKeys(folder: string, json: boolean | undefined): Promise<void> {
  const keys = await listPublicKeys(folder);
  const lines = keys.map(({ operator, kid }) => `${operator}  ${kid}`);
  printResult(json, keys, lines.length > 0 ? lines : [`No keys in ${folder}. Make one: octet fleet keys NAME`]);
}

function defineLooking(command: Command): void {
  fleetCommand(command, 'ls', 'every device: link, board, what runs, how far its deployment is', '20s').action(
    async (options: FleetOptions) => {
      await using session = await openSession(options, { device: '+', isBrief: true });
      const { devices } = session.view;
      printResult(
        options.json,
        devices.map(({ id, status, info, reported }) => ({ id, status, info, reported })),
        deviceLines(devices, clock.wallMs()),
      );
    },
  );

  fleetCommand(command, 'show', 'one device in full', '20s')
    .argument('<device>')
    .action(async (device: string, options: FleetOptions) => {
      await using session = await openSession(options, { device: deviceFrom(device) });
      const found = session.view.device(device);
      if (found === undefined) throw unheardOf(device);
      const jobs = session.view.jobsOf(device);
      const { id, status, info, reported, events } = found;
      printResult(
        options.json,
        { id, status, info, reported, events, jobs },
        oneDeviceLines(found, jobs, clock.wallMs()),
      );
    });

  fleetCommand(command, 'watch', 'follow what devices say, until Ctrl-C; with --json a document a line', '7000min')
    .argument('[device]', 'one device instead of all')
    .action(async (device: string | undefined, options: FleetOptions) => {
      await using session = await openSession(options, { device: device === undefined ? '+' : deviceFrom(device) });
      await watchFleet(session, options.json === true);
    });
}

function defineRequest(command: Command): void {
  fleetCommand(command, 'request', `ask a device: ${Object.keys(requestArgs).join(', ')}`, '15s')
    .argument('<device>')
    .argument('<request>')
    .option('--args <json>', 'for example \'{"lines":100}\'', jsonFrom, {})
    .action(async (device: string, name: string, options: FleetOptions & { args: object }) => {
      if (!Object.hasOwn(requestArgs, name))
        throw new OctetError('USAGE', `request: expected one of ${Object.keys(requestArgs).join(', ')}, got ${name}`);
      await using session = await openSession(options, { device: deviceFrom(device) });
      const operator = await session.operator();
      const reply = await operator.ask(device, name as RequestName, options.args, options.timeout);
      const { body } = reply as { body?: { checks?: Parameters<typeof checkLines>[0]; isHealthy?: boolean } };
      printResult(options.json, reply, body?.checks ? checkLines(body.checks) : replyLines(reply));
      if (reply.status !== 200 || body?.isHealthy === false) process.exitCode = 1;
    });
}

function jsonFrom(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (value !== null && typeof value === 'object') return value;
  } catch {
    // Said below, like any other value that is no object.
  }
  throw new InvalidArgumentError('expected a JSON object, for example \'{"lines":100}\'.');
}
