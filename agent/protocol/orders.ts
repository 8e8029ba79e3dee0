/**
 * What operators sign: the claims inside the compact JWS (RFC 7515, EdDSA) that travels on `down/…`. The protected header
 * holds `alg`, `kid` and `topic`, so that a signature is worth nothing under another topic. Claims have the names and the
 * units (seconds) of RFC 7519.
 */
import { z } from 'zod';
import { idPattern } from './topics.ts';

/** Larger messages are refused unread. */
export const maxOrderBytes = 128 * 1024;

export const idSchema = z.string().regex(idPattern, 'expected 1 to 64 of A-Z a-z 0-9 _ -');
export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hexadecimal digits');
/** 100 years hence at most: beyond, arithmetic in milliseconds would lose its precision. */
const secondsSchema = z.int().nonnegative().max(10_000_000_000).describe('Unix time, seconds');
/** Ten minutes of a job are usual, a month is the most. */
const deadlineSchema = z
  .int()
  .positive()
  .max(31 * 86_400_000)
  .describe('Milliseconds on the monotonic clock, from acceptance');

export const headerSchema = z.looseObject({
  alg: z.enum(['EdDSA', 'Ed25519']),
  kid: z.string().max(64).describe('RFC 7638 thumbprint of the key'),
  topic: z.string().max(512).describe('The topic that it is published under'),
});

const commonClaims = {
  iss: idSchema.describe('The operator who signs; answers go to this name'),
  aud: idSchema.describe('The device that is meant'),
  iat: secondsSchema.describe('When it was signed'),
};
const expires = secondsSchema.describe('It is void from then on');

/** An Ed25519 public key as a JWK (RFC 8037), and whose it is. */
export const operatorKeySchema = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'expected 32 bytes in base64url'),
  kid: z
    .string()
    .regex(/^[A-Za-z0-9_-]{43}$/, 'expected a SHA-256 thumbprint in base64url')
    .describe('RFC 7638 thumbprint'),
  operator: idSchema,
});
export type OperatorKey = z.output<typeof operatorKeySchema>;

/** Public keys that a device obeys: what a device pins, and what `octet fleet keys` writes. */
export const operatorKeysSchema = z.object({ keys: z.array(operatorKeySchema).min(1).max(32) });

export const policySchema = z
  .object({
    allowDowngrade: z.boolean().describe("The model's version may be lower than the active one's"),
    shadowShare: z.number().min(0).max(1).describe('Share of windows decided twice before it takes over'),
    shadowWindows: z.int().min(0).max(1_000_000).describe('Decisions to compare before it takes over; 0: none'),
    maxDisagreement: z.number().min(0).max(1).describe('Share of compared decisions that may differ'),
    confirmMs: z.int().positive().max(86_400_000).describe('Healthy for so long before it has succeeded'),
  })
  .partial();

/** A model by what it is, never by where it lies: the repository that the device trusts is asked for `target`. */
export const deployArgsSchema = z.object({
  slot: idSchema,
  target: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}(@[0-9A-Za-z.-]{1,64})?$/, 'expected a name in the repository, or name@version'),
  digest: sha256Schema.describe("SHA-256 of the model's manifest"),
  policy: policySchema.optional(),
  deadlineMs: deadlineSchema.optional(),
});

/** Retained on `down/desired`: the whole of what the operator wants of the device. */
export const desiredSchema = z.object({
  ...commonClaims,
  exp: expires.optional(),
  version: z.int().positive().describe('Grows with every change; an older one is refused'),
  slots: z.array(deployArgsSchema).max(64),
});

const slotArgs = { slot: idSchema, deadlineMs: deadlineSchema.optional() };

/** Type of a job → what it takes. */
export const jobArgs = {
  deploy: deployArgsSchema,
  recalibrate: z.object(slotArgs),
  rollback: z.object(slotArgs),
  benchmark: z.object({
    ...slotArgs,
    durationMs: z.int().min(500).max(600_000).default(10_000),
    variant: z.enum(['active', 'float32']).default('active'),
  }),
  'collect-logs': z.object({ lines: z.int().min(1).max(5000).default(2000) }),
  restart: z.object({ what: z.enum(['agent', 'runner']).default('runner'), slot: idSchema.optional() }),
  'rotate-keys': z.object({
    add: z.array(operatorKeySchema).max(16).default([]),
    remove: z.array(z.string().max(64)).max(16).default([]).describe('Thumbprints'),
  }),
  /** Ends another job, also one that has not arrived yet; or, by `slot`, the deployment under way there. */
  cancel: z.object({ job: idSchema.optional(), slot: idSchema.optional() }),
} as const;

export type JobType = keyof typeof jobArgs;
export type JobArgs<T extends JobType = JobType> = z.output<(typeof jobArgs)[T]>;

const jobClaims = {
  ...commonClaims,
  exp: expires,
  jti: idSchema.describe("The job's id, as in the topic"),
};

const jobForms = (Object.keys(jobArgs) as JobType[]).map((type) =>
  z.object({ ...jobClaims, type: z.literal(type), args: jobArgs[type] }),
);

/** Retained on `down/job/<id>` until whoever gave it clears it. */
export const jobSchema = z.discriminatedUnion('type', jobForms as [(typeof jobForms)[0], ...typeof jobForms]);

/** Name of a request → what it takes. */
export const requestArgs = {
  ping: z.object({}),
  snapshot: z.object({}),
  'tail-log': z.object({ lines: z.int().min(1).max(500).default(50) }),
  'bench-quick': z.object({ slot: idSchema.optional(), durationMs: z.int().min(500).max(10_000).default(3000) }),
  'self-check': z.object({}),
  explain: z.object({ slot: idSchema.optional() }),
} as const;

export type RequestName = keyof typeof requestArgs;

/** A request is answered at once or never: it may live so long at most, seconds. */
export const requestLifeSeconds = 120;

/** Not retained, on `down/req/<name>`. */
export const requestSchema = z.object({
  ...commonClaims,
  exp: expires,
  jti: idSchema.describe('Repeated in the answer; asking twice under one id gives the same answer'),
  args: z.record(z.string().max(64), z.unknown()).default({}),
});

export type Desired = z.output<typeof desiredSchema>;
export type Request = z.output<typeof requestSchema>;
