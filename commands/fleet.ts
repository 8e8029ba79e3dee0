/** `octet fleet …`: the operator's side. Looks at devices, and gives them signed orders through the broker. */
import { type Command, InvalidArgumentError } from 'commander';
import pico from 'picocolors';
import type { JobState } from '../agent/protocol/messages.ts';
import { type JobType, jobArgs, type RequestName, requestArgs } from '../agent/protocol/orders.ts';
import type { GivenOrder } from '../fleet/operator/operator.ts';
import { defaultKeysFolder, makeOperatorKey, readPublicKeys } from '../fleet/operator/operator-keys.ts';
import { resolveDigest } from '../fleet/operator/resolve-digest.ts';
import { systemClock as clock } from '../runtime/base/clock.ts';
import { OctetError } from '../runtime/base/errors.ts';
import {
  benchLines,
  checkLines,
  deviceLines,
  endLines,
  oneDeviceLines,
  progressText,
  replyLines,
} from './fleet-lines.ts';
import { type FleetOptions, type FleetSession, openSession, withFleetOptions } from './fleet-session.ts';
import { watchFleet } from './fleet-watch.ts';
import { countFrom, durationMsFrom, shareFrom } from './options.ts';
import { stepLine } from './step-line.ts';

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
      print(json, { ...made.key, privateFile: made.privateFile, publicFile: made.publicFile }, [
        `${pico.green('made')} ${made.privateFile}: keep it secret and backed up`,
        `Devices obey it once they pin ${made.publicFile}: "orders": { "operatorKeys": "…" } in their configuration.`,
        pico.dim(`thumbprint ${made.key.kid}`),
      ]);
    });
}

async function listKeys(folder: string, json: boolean | undefined): Promise<void> {
  const { readdir } = await import('node:fs/promises');
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.pub.json'));
  const keys = (await Promise.all(names.map((name) => readPublicKeys(`${folder}/${name}`)))).flat();
  const lines = keys.map(({ operator, kid }) => `${operator}  ${kid}`);
  print(json, keys, lines.length > 0 ? lines : [`No keys in ${folder}. Make one: octet fleet keys NAME`]);
}

function defineLooking(command: Command): void {
  sub(command, 'ls', 'every device: link, board, what runs, how far its deployment is', '20s').action(
    async (options: FleetOptions) => {
      await using session = await openSession(options, { device: '+' });
      const { devices } = session.view;
      print(
        options.json,
        devices.map(({ id, status, info, reported }) => ({ id, status, info, reported })),
        deviceLines(devices, clock.wallMs()),
      );
    },
  );

  sub(command, 'show', 'one device in full', '20s')
    .argument('<device>')
    .action(async (device: string, options: FleetOptions) => {
      await using session = await openSession(options, { device: idFrom(device) });
      const found = session.view.device(device);
      if (found === undefined) throw unheardOf(device);
      const jobs = session.view.jobsOf(device);
      const { id, status, info, reported, events } = found;
      print(options.json, { id, status, info, reported, events, jobs }, oneDeviceLines(found, jobs, clock.wallMs()));
    });

  sub(command, 'watch', 'follow what devices say, until Ctrl-C; with --json a document a line', '7000min')
    .argument('[device]', 'one device instead of all')
    .action(async (device: string | undefined, options: FleetOptions) => {
      await using session = await openSession(options, { device: device === undefined ? '+' : idFrom(device) });
      await watchFleet(session, options.json === true);
    });
}

type DeployOptions = FleetOptions & {
  slot: string;
  digest?: string;
  repository?: string;
  root?: string;
  allowDowngrade?: boolean;
  shadowWindows?: number;
  maxDisagreement?: number;
  confirm?: number;
  deadline?: number;
  wait: boolean;
  replace?: boolean;
};

function defineDeploy(command: Command): void {
  sub(
    command,
    'deploy',
    'desire a model in a slot of a device, and follow it until it runs; 0 only if it does',
    '60min',
  )
    .argument('<device>')
    .argument('<model>', 'its name in the repository, or name@version')
    .option('--slot <slot>', 'the place it fills', 'main')
    .option('--digest <sha256>', "of the model's manifest; otherwise the repository is asked")
    .option('--repository <url>', 'http://, https://, file:// or a folder')
    .option('--root <file>', 'its pinned first root (default of a folder: its own)')
    .option('--allow-downgrade', 'also when the model is older than what runs')
    .option('--shadow-windows <n>', 'decisions to compare before it takes over', wholeFrom)
    .option('--max-disagreement <share>', 'share of them that may differ', shareFrom)
    .option('--confirm <time>', 'healthy for so long before it has succeeded', durationMsFrom)
    .option('--deadline <time>', 'the device gives up after so long', durationMsFrom)
    .option('--replace', 'a new document instead of one more slot in the one that is there')
    .option('--no-wait', 'end as soon as the broker has the order')
    .action(deploy);
}

async function deploy(device: string, target: string, options: DeployOptions): Promise<void> {
  await using session = await openSession(options, { device: idFrom(device) });
  const operator = await session.operator();
  const digest = options.digest ?? (await resolveDigest(target, { ...options, site: session.site }));
  const policy = {
    ...(options.allowDowngrade ? { allowDowngrade: true } : {}),
    ...(options.shadowWindows === undefined ? {} : { shadowWindows: options.shadowWindows }),
    ...(options.maxDisagreement === undefined ? {} : { maxDisagreement: options.maxDisagreement }),
    ...(options.confirm === undefined ? {} : { confirmMs: options.confirm }),
  };
  const { slot, deadline } = options;
  const args = jobArgs.deploy.safeParse({
    slot,
    target,
    digest,
    policy,
    ...(deadline === undefined ? {} : { deadlineMs: deadline }),
  });
  if (!args.success)
    throw new OctetError(
      'USAGE',
      `deploy: ${args.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')}`,
    );
  const order = await operator.desire(device, args.data, options.replace === true);
  if (!options.wait) return print(options.json, order, [`ordered: version ${order.version}, ${order.id}`]);
  await followToEnd(session, device, order, options);
}

function defineJobs(command: Command): void {
  const job = (name: string, description: string, timeout = '30min') =>
    sub(command, name, description, timeout).argument('<device>');

  job('rollback', 'one step back to what a slot ran before')
    .option('--slot <slot>', '', 'main')
    .action((device: string, options: FleetOptions & { slot: string }) =>
      give(device, 'rollback', { slot: options.slot }, options),
    );
  job('recalibrate', 'record, build and measure anew for the model that is there', '60min')
    .option('--slot <slot>', '', 'main')
    .action((device: string, options: FleetOptions & { slot: string }) =>
      give(device, 'recalibrate', { slot: options.slot }, options),
    );
  job('cancel', 'end a job, or with --slot the deployment that is under way there')
    .argument('[job]')
    .option('--slot <slot>')
    .action((device: string, target: string | undefined, options: FleetOptions & { slot?: string }) => {
      if (target === undefined && options.slot === undefined)
        throw new OctetError('USAGE', 'cancel: expected a job or --slot, got neither');
      return give(device, 'cancel', { job: target, slot: options.slot }, options);
    });
  job('restart', 'start the runner of a slot, or the agent itself, again')
    .option('--slot <slot>')
    .option('--agent', 'the agent')
    .action((device: string, options: FleetOptions & { slot?: string; agent?: boolean }) =>
      give(device, 'restart', { what: options.agent ? 'agent' : 'runner', slot: options.slot }, options),
    );
  job('operators', 'add and remove the keys that a device obeys')
    .option('--add <file>', 'public keys, as octet fleet keys writes them')
    .option('--remove <thumbprint...>')
    .action(async (device: string, options: FleetOptions & { add?: string; remove?: string[] }) => {
      const add = options.add === undefined ? [] : await readPublicKeys(options.add);
      await give(device, 'rotate-keys', { add, remove: options.remove ?? [] }, options);
    });

  sub(
    command,
    'bench',
    'measure what runs on a device, there; without a device, the table of all that was measured',
    '15min',
  )
    .argument('[device]')
    .option('--slot <slot>', '', 'main')
    .option('--duration <time>', 'how long to measure', durationMsFrom, 10_000)
    .option('--float32', 'the float32 model instead of the active variant')
    .action(bench);

  job('logs', "the newest lines of a device's log")
    .option('--lines <n>', 'at most', countFrom, 200)
    .action(async (device: string, options: FleetOptions & { lines: number }) => {
      await using session = await openSession(options, { device: idFrom(device) });
      const order = await giveIn(session, device, 'collect-logs', { lines: options.lines }, options);
      const { view, signal } = session;
      const awaited = { timeoutMs: 10_000, what: 'the collected lines', hint: () => 'Ask again.', signal };
      const lines = await view.until(() => view.log(device, order.job), awaited);
      print(options.json, { job: order.job, lines }, lines);
    });
}

async function bench(
  device: string | undefined,
  options: FleetOptions & { slot: string; duration: number; float32?: boolean },
) {
  await using session = await openSession(options, { device: device === undefined ? '+' : idFrom(device) });
  const { view } = session;
  if (device !== undefined) {
    const variant = options.float32 ? 'float32' : 'active';
    await giveIn(session, device, 'benchmark', { slot: options.slot, durationMs: options.duration, variant }, options);
    await view.settled(session.signal);
  }
  print(options.json, view.benchRecords, benchLines(view.benchRecords));
}

function defineRequest(command: Command): void {
  sub(command, 'request', `ask a device: ${Object.keys(requestArgs).join(', ')}`, '15s')
    .argument('<device>')
    .argument('<request>')
    .option('--args <json>', 'for example \'{"lines":100}\'', jsonFrom, {})
    .action(async (device: string, name: string, options: FleetOptions & { args: object }) => {
      if (!Object.hasOwn(requestArgs, name))
        throw new OctetError('USAGE', `request: expected one of ${Object.keys(requestArgs).join(', ')}, got ${name}`);
      await using session = await openSession(options, { device: idFrom(device) });
      const operator = await session.operator();
      const reply = await operator.ask(device, name as RequestName, options.args, options.timeout);
      const { body } = reply as { body?: { checks?: Parameters<typeof checkLines>[0]; isHealthy?: boolean } };
      print(options.json, reply, body?.checks ? checkLines(body.checks) : replyLines(reply));
      if (reply.status !== 200 || body?.isHealthy === false) process.exitCode = 1;
    });
}

async function give(device: string, type: JobType, args: object, options: FleetOptions): Promise<void> {
  await using session = await openSession(options, { device: idFrom(device) });
  const end = await giveIn(session, device, type, args, options);
  print(options.json, end, endLines(end));
}

/** @throws when it did not succeed. */
async function giveIn(session: FleetSession, device: string, type: JobType, args: object, options: FleetOptions) {
  const operator = await session.operator();
  const order = await operator.give(device, type, args, Math.ceil(options.timeout / 1000));
  const end = await followIn(session, device, order, options);
  await operator.clear(device, order.id);
  if (end.state !== 'succeeded') throw failed(end);
  return end;
}

async function followToEnd(session: FleetSession, device: string, order: GivenOrder, options: FleetOptions) {
  const end = await followIn(session, device, order, options);
  if (end.state !== 'succeeded') throw failed(end);
  print(options.json, end, endLines(end));
}

async function followIn(
  session: FleetSession,
  device: string,
  order: GivenOrder,
  { timeout }: FleetOptions,
): Promise<JobState> {
  const line = stepLine(process.stderr, clock);
  const operator = await session.operator();
  try {
    return await operator.follow(device, order, {
      timeoutMs: timeout,
      onProgress: (state) => state && line.show(state.state, progressText(state)),
    });
  } finally {
    line.end();
  }
}

function failed({ job, state, error }: JobState): OctetError {
  const why = error ? `${state}: ${error.code}  ${error.message}` : state;
  const hint = error?.hint;
  return new OctetError(
    'DEPLOYMENT_FAILED',
    `${job}: expected it to succeed, got ${why}`,
    hint === undefined ? {} : { hint },
  );
}

function sub(command: Command, name: string, description: string, timeout: string): Command {
  return withFleetOptions(command.command(name).description(description), timeout);
}

function print(json: boolean | undefined, result: unknown, lines: readonly string[]): void {
  process.stdout.write(json ? `${JSON.stringify(result)}\n` : lines.map((line) => `${line}\n`).join(''));
}

function idFrom(text: string): string {
  if (/^[A-Za-z0-9_-]{1,64}$/.test(text)) return text;
  throw new OctetError('USAGE', `device: expected 1 to 64 of A-Z a-z 0-9 _ -, got ${JSON.stringify(text)}`, {
    hint: 'octet fleet ls',
  });
}

function unheardOf(device: string): OctetError {
  return new OctetError('TARGET_NOT_FOUND', `${device}: expected a device that this broker has heard of, got none`, {
    hint: 'octet fleet ls',
  });
}

function wholeFrom(text: string): number {
  return text === '0' ? 0 : countFrom(text);
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
