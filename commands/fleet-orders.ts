/** `octet fleet deploy` and the jobs: signed orders, followed until their end. */
import type { Command } from 'commander';
import type { JobState } from '../agent/protocol/messages.ts';
import { type JobType, jobArgs } from '../agent/protocol/orders.ts';
import type { GivenOrder } from '../fleet/operator/operator.ts';
import { readPublicKeys } from '../fleet/operator/operator-keys.ts';
import { resolveDigest } from '../fleet/operator/resolve-digest.ts';
import { systemClock as clock } from '../runtime/base/clock.ts';
import { OctetError } from '../runtime/base/errors.ts';
import { benchLines, endLines, progressText } from './fleet-lines.ts';
import {
  deviceFrom,
  type FleetOptions,
  type FleetSession,
  fleetCommand,
  openSession,
  unheardOf,
} from './fleet-session.ts';
import { countFrom, durationMsFrom, shareFrom } from './options.ts';
import { printResult } from './print-result.ts';
import { stepLine } from './step-line.ts';

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

export function defineDeploy(command: Command): void {
  fleetCommand(
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
  await using session = await openSession(options, { device: deviceFrom(device) });
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
  if (!options.wait) return printResult(options.json, order, [`ordered: version ${order.version}, ${order.id}`]);
  await followToEnd(session, device, order, options);
}

export function defineJobs(command: Command): void {
  const job = (name: string, description: string, timeout = '30min') =>
    fleetCommand(command, name, description, timeout).argument('<device>');

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

  fleetCommand(
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
      await using session = await openSession(options, { device: deviceFrom(device) });
      const order = await giveIn(session, device, 'collect-logs', { lines: options.lines }, options);
      const { view, signal } = session;
      const awaited = { timeoutMs: 10_000, what: 'the collected lines', hint: () => 'Ask again.', signal };
      const lines = await view.until(() => view.log(device, order.job), awaited);
      printResult(options.json, { job: order.job, lines }, lines);
    });
}

async function bench(
  device: string | undefined,
  options: FleetOptions & { slot: string; duration: number; float32?: boolean },
) {
  await using session = await openSession(options, { device: device === undefined ? '+' : deviceFrom(device) });
  const { view } = session;
  if (device !== undefined) {
    const variant = options.float32 ? 'float32' : 'active';
    await giveIn(session, device, 'benchmark', { slot: options.slot, durationMs: options.duration, variant }, options);
    await view.settled(session.signal);
  }
  printResult(options.json, view.benchRecords, benchLines(view.benchRecords));
}

async function give(device: string, type: JobType, args: object, options: FleetOptions): Promise<void> {
  await using session = await openSession(options, { device: deviceFrom(device) });
  const end = await giveIn(session, device, type, args, options);
  printResult(options.json, end, endLines(end));
}

/** A device that is away for a while still gets the order, also when nobody waits so long. */
function lifeSeconds({ timeout }: FleetOptions): number {
  return Math.max(3600, Math.ceil(timeout / 1000));
}

/** @throws when it did not succeed. */
async function giveIn(session: FleetSession, device: string, type: JobType, args: object, options: FleetOptions) {
  // A slip of the pen would lie on the broker for an hour.
  if (session.view.device(device)?.status === undefined) throw unheardOf(device);
  const operator = await session.operator();
  const order = await operator.give(device, type, args, lifeSeconds(options));
  const end = await followIn(session, device, order, options);
  await operator.clear(device, order.id);
  if (end.state !== 'succeeded') throw failed(end);
  return end;
}

async function followToEnd(session: FleetSession, device: string, order: GivenOrder, options: FleetOptions) {
  const end = await followIn(session, device, order, options);
  if (end.state !== 'succeeded') throw failed(end);
  printResult(options.json, end, endLines(end));
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

function wholeFrom(text: string): number {
  return text === '0' ? 0 : countFrom(text);
}
