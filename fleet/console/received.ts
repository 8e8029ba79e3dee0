/** From a topic and its bytes to a message that the state understands: the page's edge, where everything is checked once. */
import type { z } from 'zod';
import {
  type Event,
  eventSchema,
  type Info,
  infoSchema,
  type Reported,
  reportedSchema,
  type Status,
  statusSchema,
  type Telemetry,
  telemetrySchema,
} from '../../agent/protocol/messages.ts';

export type Received =
  | { readonly kind: 'status'; readonly device: string; readonly body: Status }
  | { readonly kind: 'info'; readonly device: string; readonly body: Info }
  | { readonly kind: 'reported'; readonly device: string; readonly body: Reported }
  | { readonly kind: 'telemetry'; readonly device: string; readonly body: Telemetry }
  | { readonly kind: 'event'; readonly device: string; readonly body: Event }
  /** A payload that is not what its topic promises: counted and shown, otherwise without effect. */
  | { readonly kind: 'malformed'; readonly topic: string; readonly problem: string };

const readers = {
  status: reader('status', statusSchema),
  info: reader('info', infoSchema),
  reported: reader('reported', reportedSchema),
  t: reader('telemetry', telemetrySchema),
  ev: reader('event', eventSchema),
};

/** @returns undefined for topics that this version does not know, and for a retained message that was cleared. */
export function readReceived(topic: string, payload: string): Received | undefined {
  const [, device, kind] = /^octet\/1\/d\/([^/]+)\/up\/([^/]+)/.exec(topic) ?? [];
  if (device === undefined || kind === undefined || !isKnown(kind) || payload === '') return undefined;
  return readers[kind](topic, device, payload);
}

function reader<K extends Exclude<Received['kind'], 'malformed'>, S extends z.ZodType>(kind: K, schema: S) {
  return (topic: string, device: string, payload: string): Received => {
    const parsed = parseJson(payload);
    if (parsed === undefined) return { kind: 'malformed', topic, problem: 'expected JSON' };
    const result = schema.safeParse(parsed);
    if (result.success) return { kind, device, body: result.data } as Received;
    const { path, message } = result.error.issues[0]!;
    return { kind: 'malformed', topic, problem: `${path.join('.') || '(root)'}: ${message}` };
  };
}

/** @returns undefined for what is not JSON (no JSON text means undefined). */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The caller reports it: on a shared broker anybody may publish anything.
    return undefined;
  }
}

function isKnown(kind: string): kind is keyof typeof readers {
  return Object.hasOwn(readers, kind);
}
