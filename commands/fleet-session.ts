/** What every `octet fleet` command begins with: who speaks, to which broker, and what is heard there. */
import { randomBytes } from 'node:crypto';
import { type Command, InvalidArgumentError } from 'commander';
import { linkTarget } from '../agent/link/credentials.ts';
import { topics } from '../agent/protocol/topics.ts';
import { FleetView } from '../fleet/operator/fleet-view.ts';
import { Operator } from '../fleet/operator/operator.ts';
import {
  defaultKeysFolder,
  knownOperators,
  type OperatorPrivateKey,
  onlyKeyFile,
  readOperatorKey,
} from '../fleet/operator/operator-keys.ts';
import { OperatorLink } from '../fleet/operator/operator-link.ts';
import { readSite, type Site } from '../fleet/operator/site.ts';
import { systemClock } from '../runtime/base/clock.ts';
import { OctetError } from '../runtime/base/errors.ts';
import { durationMsFrom } from './options.ts';

export type FleetOptions = {
  site?: string;
  broker?: string;
  username?: string;
  passwordFile?: string;
  ca?: string;
  cert?: string;
  key?: string;
  as?: string;
  timeout: number;
  json?: boolean;
};

export type FleetSession = AsyncDisposable & {
  readonly site: Site;
  readonly view: FleetView;
  readonly signal: AbortSignal;
  readonly link: OperatorLink;
  /** @throws USAGE, FILE_NOT_FOUND, CONFIG_INVALID when there is no key to sign with. */
  operator(): Promise<Operator>;
};

/** Of one device, or `+` for all: everything that it says and what is desired of it, or only what a list shows. */
export type Listening = { readonly device: string; readonly isBrief?: boolean };

function withFleetOptions(command: Command, defaultTimeout: string): Command {
  return command
    .option('--site <file>', 'broker, key and repository (default: ~/.config/octet/fleet.json)')
    .option('--broker <url>', 'mqtt://, mqtts://, ws:// or wss://')
    .option('--username <name>')
    .option('--password-file <file>')
    .option('--ca <file>', "the broker's certificate authority, PEM")
    .option('--cert <file>', "the operator's certificate, PEM")
    .option('--key <file>', 'and its key, PEM')
    .option('--as <file>', "the operator's signing key (default: the only one in ~/.config/octet/keys)")
    .option('--timeout <time>', 'how long to wait: 20s, 30min', timeoutFrom, timeoutFrom(defaultTimeout))
    .option('--json', 'print one JSON document');
}

/** Connected, subscribed, and acquainted with what the broker keeps. @throws BROKER_UNREACHABLE and what the files say. */
export async function openSession(
  options: FleetOptions,
  { device, isBrief = false }: Listening,
): Promise<FleetSession> {
  const site = await readSite(options.site);
  const keyFile = options.as ?? site.operatorKey;
  const key = await keyFrom(keyFile);
  const stop = new AbortController();
  const onInterrupt = () => stop.abort(new OctetError('CANCELLED', 'interrupted; what was ordered goes on'));
  process.once('SIGINT', onInterrupt);
  const { signal } = stop;
  const name = key?.key.operator ?? 'nobody';
  const view = new FleetView(name, systemClock);
  const clientId = `octet-${name}-${randomBytes(4).toString('hex')}`.slice(0, 64);
  const link = await OperatorLink.open({
    target: await linkTarget(brokerOf(options, site), clientId),
    filters: isBrief
      ? [topics.status(device), topics.info(device), topics.reported(device)]
      : [topics.everythingFrom(device), topics.desired(device), ...(key ? [topics.repliesTo(name)] : [])],
    ...{ clock: systemClock, signal, onMessage: view.take },
  });
  await view.settled(signal);
  return {
    ...{ site, view, signal, link },
    operator: async () => {
      const { file, key: signing } = key ?? (await requireKey(keyFile));
      return new Operator({
        ...{ key: signing, view, link, signal, clock: systemClock },
        known: await knownOperators(file),
      });
    },
    async [Symbol.asyncDispose]() {
      process.removeListener('SIGINT', onInterrupt);
      await link[Symbol.asyncDispose]();
    },
  };
}

type KeyAndFile = { readonly file: string; readonly key: OperatorPrivateKey };

/** Looking needs no key: without one there are no answers to read, either. */
async function keyFrom(named: string | undefined): Promise<KeyAndFile | undefined> {
  const file = named ?? (await onlyKeyFile(defaultKeysFolder()).catch(() => undefined));
  return file === undefined ? undefined : { file, key: await readOperatorKey(file) };
}

async function requireKey(named: string | undefined): Promise<KeyAndFile> {
  const file = named ?? (await onlyKeyFile(defaultKeysFolder()));
  return { file, key: await readOperatorKey(file) };
}

function brokerOf(options: FleetOptions, { broker }: Site) {
  const url = options.broker ?? broker.url;
  if (url === undefined)
    throw new OctetError('USAGE', 'expected the address of a broker, got none', {
      hint: 'Name it: --broker mqtts://hub:8883, or write it into ~/.config/octet/fleet.json: {"broker":{"url":"mqtts://hub:8883"}}',
    });
  if (!URL.canParse(url) || !/^(mqtts?|wss?):$/.test(new URL(url).protocol))
    throw new OctetError(
      'USAGE',
      `--broker: expected mqtt://host:port or mqtts://host:port, got ${JSON.stringify(url)}`,
    );
  const given = {
    username: options.username,
    passwordFile: options.passwordFile,
    caFile: options.ca,
    certificateFile: options.cert,
    keyFile: options.key,
  };
  const named = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  // Not used by an operator's link, which has pauses of its own.
  return { ...broker, ...named, url, maxReconnectDelayMs: 60_000 };
}

function timeoutFrom(text: string): number {
  const ms = durationMsFrom(text);
  if (ms <= 7 * 86_400_000) return ms;
  throw new InvalidArgumentError('expected a week at most.');
}

/** A subcommand with the options that all of them have. */
export function fleetCommand(command: Command, name: string, description: string, timeout: string): Command {
  return withFleetOptions(command.command(name).description(description), timeout);
}

/** @throws USAGE for what is no device's id. */
export function deviceFrom(text: string): string {
  if (/^[A-Za-z0-9_-]{1,64}$/.test(text)) return text;
  throw new OctetError('USAGE', `device: expected 1 to 64 of A-Z a-z 0-9 _ -, got ${JSON.stringify(text)}`, {
    hint: 'octet fleet ls',
  });
}

export function unheardOf(device: string): OctetError {
  return new OctetError('TARGET_NOT_FOUND', `${device}: expected a device that this broker has heard of, got none`, {
    hint: 'octet fleet ls',
  });
}
