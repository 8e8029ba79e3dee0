/** The agent's configuration file: everything it may be told, checked once. */
import { z } from 'zod';
import { pcmEncodings } from '../runtime/infer/sources/sample-format.ts';
import { idPattern } from './protocol/topics.ts';

const idSchema = z.string().regex(idPattern, 'expected 1 to 64 of A-Z a-z 0-9 _ -');

/** Another broker than the fleet's: one of this device or this site. */
const localTopic = {
  url: z
    .string()
    .regex(/^mqtts?:\/\/.+/, 'expected mqtt:// or mqtts://')
    .default('mqtt://127.0.0.1:1883'),
  topic: z.string().min(1),
  username: z.string().optional(),
  passwordFile: z.string().optional(),
};

const sourceSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('replay'),
    /** Recording folders, played in this order. */
    recordings: z.array(z.string()).min(1),
    /** 1 is real time; 0 as fast as possible. */
    speed: z.number().min(0).default(1),
    loop: z.boolean().default(true),
  }),
  z.strictObject({
    kind: z.literal('command'),
    command: z.array(z.string()).min(1),
    format: z
      .discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('json') }),
        z.strictObject({ kind: z.literal('csv') }),
        z.strictObject({ kind: z.literal('pcm'), encoding: z.enum(pcmEncodings) }),
        z.strictObject({ kind: z.literal('frames') }),
      ])
      .default({ kind: 'json' }),
  }),
  z.strictObject({
    kind: z.literal('iio'),
    device: z.string().min(1),
    channels: z.array(z.string().min(1)).min(1),
    multiply: z.number().default(1),
  }),
  z.strictObject({ kind: z.literal('system') }),
  z.strictObject({ kind: z.literal('mqtt'), ...localTopic }),
]);

const sinkSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('file'), path: z.string() }),
  z.strictObject({ kind: z.literal('socket'), path: z.string() }),
  z.strictObject({
    kind: z.literal('command'),
    command: z.array(z.string()).min(1),
    labels: z.array(z.string()).optional(),
  }),
  z.strictObject({
    kind: z.literal('pipe'),
    command: z.array(z.string()).min(1),
    labels: z.array(z.string()).optional(),
  }),
  z.strictObject({
    kind: z.literal('gpio'),
    chip: z.string().min(1).default('gpiochip0'),
    line: z.int().nonnegative(),
    labels: z.array(z.string()).min(1),
    holdMs: z.int().min(1).max(60_000).default(500),
  }),
  z.strictObject({ kind: z.literal('mqtt'), ...localTopic, labels: z.array(z.string()).optional() }),
]);

const slotSchema = z.strictObject({
  /** The place a model fills on this device: `main`, `door`. */
  slot: idSchema,
  /** The model's name in the repository: `watch-exercise`. Absent: only orders say what runs here. */
  target: z.string().min(1).optional(),
  source: sourceSchema,
  sinks: z.array(sinkSchema).default([]),
  /** A Unix socket on which other programs of this device may ask the model. */
  serve: z.string().optional(),
  threads: z.int().min(1).max(64).default(1),
  objective: z.enum(['latency', 'throughput', 'memory']).default('latency'),
  /** A new model must work for so long before its deployment has succeeded. */
  confirmMs: z.int().min(1000).max(86_400_000).default(30_000),
  /** float32 decides beside the variant that runs, without consequences, to see how often they differ. */
  shadow: z
    .strictObject({
      /** Live windows to compare before a new variant takes over; 0: none. */
      windows: z.int().min(0).max(100_000).default(64),
      /** Share of the windows to compare for as long as it runs; 0: none, and float32 is not kept in memory. */
      share: z.number().min(0).max(1).default(0.01),
    })
    .prefault({}),
  /** When inputs are other than at the calibration for so long, the device calibrates anew. */
  drift: z
    .strictObject({
      /** Windows that are looked at together, and how many such periods in a row make a drift. 0 windows: never. */
      windows: z.int().min(0).default(4096),
      periods: z.int().min(1).default(3),
    })
    .prefault({}),
  calibration: z
    .strictObject({
      /** Disk for windows of the sensor's whole life, which calibrate the next model; 0 keeps none. */
      reserveBytes: z
        .int()
        .nonnegative()
        .default(16 * 1024 * 1024),
      /** Windows to record before building variants. */
      windows: z.int().min(16).default(1024),
      /** Read from here instead of the live source while recording (the demo replays faster than real time). */
      source: sourceSchema.optional(),
      maxBytes: z
        .int()
        .positive()
        .default(64 * 1024 * 1024),
    })
    .prefault({}),
});

export const configSchema = z.strictObject({
  device: idSchema,
  /** The store, the models and the recordings live here. */
  dataFolder: z.string().min(1),
  broker: z.strictObject({
    url: z.string().regex(/^(mqtts?|wss?):\/\/.+/, 'expected mqtt://, mqtts://, ws:// or wss://'),
    username: z.string().optional(),
    /** A file, so that the configuration holds no secret. */
    passwordFile: z.string().optional(),
    caFile: z.string().optional(),
    certificateFile: z.string().optional(),
    keyFile: z.string().optional(),
    /** The longest pause between two attempts to connect; a fleet should not knock more often than its broker bears. */
    maxReconnectDelayMs: z.int().min(250).max(3_600_000).default(60_000),
  }),
  repository: z.strictObject({
    /** `http://hub:8080/repository/` */
    url: z.url(),
    /** The pinned first root metadata (`1.root.json`). */
    rootFile: z.string(),
    /** Models on the device together; beyond it the one that was asked for longest ago goes, never one in use. */
    storeBytes: z
      .int()
      .positive()
      .default(2 * 1024 * 1024 * 1024),
    /** How often to look for a newer version of what no order pins. */
    checkIntervalMinutes: z.number().positive().max(43_200).default(60),
  }),
  orders: z
    .strictObject({
      /** Public keys of the operators whose orders are obeyed, as `octet fleet keys` writes them. None: no orders. */
      operatorKeys: z.string().optional(),
    })
    .prefault({}),
  /** Tells Home Assistant what there is: opt-in. */
  homeAssistant: z
    .strictObject({
      /** Where it listens for discovery. */
      prefix: z
        .string()
        .regex(/^[A-Za-z0-9_/-]{1,64}$/, 'expected a topic without wildcards')
        .default('homeassistant'),
    })
    .optional(),
  slots: z.array(slotSchema).min(1),
  telemetry: z
    .strictObject({
      /** A point on `system` every so often. */
      systemIntervalMs: z.int().min(100).default(10_000),
      /** Outbox limits: beyond them the oldest telemetry goes, and a gap says so. */
      maxBytes: z
        .int()
        .positive()
        .default(64 * 1024 * 1024),
      maxAgeHours: z
        .number()
        .positive()
        .default(24 * 7),
    })
    .prefault({}),
  /** Above `demoteC` a cooler variant runs, until the board has been below `promoteC` for some minutes. Degrees Celsius. */
  heat: z
    .strictObject({ demoteC: z.number().default(80), promoteC: z.number().default(70) })
    .refine(({ demoteC, promoteC }) => promoteC < demoteC, { path: ['promoteC'], error: 'expected less than demoteC' })
    .prefault({}),
  /** Figures for Prometheus on http://127.0.0.1:<port>/metrics; nothing listens without it. */
  metrics: z.strictObject({ port: z.int().min(1).max(65_535) }).optional(),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
});

export type AgentConfig = z.output<typeof configSchema>;
export type SlotConfig = AgentConfig['slots'][number];
