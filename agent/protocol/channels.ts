/**
 * Every message of `octet/1` in one table: under which topic it travels, which way, how carefully, in what form, and what it
 * means. The published JSON Schemas and the AsyncAPI document are made from this table, and from nothing else.
 */
import type { z } from 'zod';
import {
  benchSchema,
  eventSchema,
  infoSchema,
  jobStateSchema,
  logSchema,
  replySchema,
  reportedSchema,
  statusSchema,
  telemetrySchema,
} from './messages.ts';
import { desiredSchema, jobSchema, requestSchema } from './orders.ts';
import { topics } from './topics.ts';

export type Channel = {
  /** With its parameters in braces. */
  readonly topic: string;
  /** `up`: the device says it. `down`: the device is told. */
  readonly direction: 'up' | 'down';
  readonly qos: 0 | 1;
  readonly retain: boolean;
  /** `jws`: a compact JWS, whose claims have the schema. */
  readonly form: 'json' | 'jws';
  readonly schema: z.ZodType;
  readonly meaning: string;
};

const up = { direction: 'up', qos: 1, form: 'json' } as const;
const down = { direction: 'down', qos: 1, form: 'jws' } as const;
const device = '{device}';

export const channels = {
  status: {
    ...up,
    topic: topics.status(device),
    retain: true,
    schema: statusSchema,
    meaning: 'Whether the device is there. Also its last will, with online: false; a death of an older sess is void.',
  },
  info: {
    ...up,
    topic: topics.info(device),
    retain: true,
    schema: infoSchema,
    meaning: 'Birth: what the device is, what it understands, and what is simulated.',
  },
  reported: {
    ...up,
    topic: topics.reported(device),
    retain: true,
    schema: reportedSchema,
    meaning: 'Reported half of the twin: per slot its state, the active variant, the trials, the last error.',
  },
  telemetry: {
    ...up,
    topic: topics.telemetry(device, '{stream}'),
    retain: false,
    schema: telemetrySchema,
    meaning: 'A batch of points with contiguous sequence numbers, or a gap record that says what was dropped and why.',
  },
  event: {
    ...up,
    topic: topics.event(device, '{type}'),
    retain: false,
    schema: eventSchema,
    meaning: 'Something that happened: activated, rollback, crash-loop, order-refused, …',
  },
  bench: {
    ...up,
    topic: topics.bench(device, '{model}', '{variant}'),
    retain: true,
    schema: benchSchema,
    meaning: 'What was measured of one variant on this device: the fleet matrix needs no database.',
  },
  jobState: {
    ...up,
    topic: topics.jobState(device, '{job}'),
    retain: true,
    schema: jobStateSchema,
    meaning: 'How far a job has come; only the device writes it.',
  },
  log: {
    ...up,
    topic: topics.log(device, '{job}'),
    retain: false,
    schema: logSchema,
    meaning: 'A part of the log that a collect-logs job gathered.',
  },
  reply: {
    ...up,
    topic: topics.reply('{operator}', device),
    retain: false,
    schema: replySchema,
    meaning: 'The answer to a request. The device is in the topic, so that none can answer for another.',
  },
  desired: {
    ...down,
    topic: topics.desired(device),
    retain: true,
    schema: desiredSchema,
    meaning: 'Desired half of the twin: the whole of what the operator wants of the device.',
  },
  job: {
    ...down,
    topic: topics.job(device, '{job}'),
    retain: true,
    schema: jobSchema,
    meaning: 'A long order with states. Whoever gave it clears it with an empty payload.',
  },
  request: {
    ...down,
    topic: topics.request(device, '{request}'),
    retain: false,
    schema: requestSchema,
    meaning: 'A short question, answered on the reply topic of whoever signed it.',
  },
} as const satisfies Record<string, Channel>;
