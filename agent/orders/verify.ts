/**
 * From bytes that a broker delivered to claims that an operator signed, or to the reason why not. Everything that can be
 * wrong has a code of its own, because the operator will ask. Nothing of a message is believed before its signature holds,
 * and nothing here changes anything.
 */
import type { JWK } from 'jose';
import type { z } from 'zod';
import type { ErrorCode } from '../../runtime/base/errors.ts';
import { sha256Of } from '../../runtime/base/files.ts';
import { headerSchema, maxOrderBytes, type OperatorKey } from '../protocol/orders.ts';

export type OrderRefusal = {
  readonly ok: false;
  readonly code: Extract<ErrorCode, `ORDER_${string}`>;
  readonly reason: string;
};

export type VerifiedOrder<C> = {
  readonly ok: true;
  readonly claims: C;
  readonly key: OperatorKey;
  /** SHA-256 of the signed claims. */
  readonly hash: string;
};

/** Genuine, but whether it has expired cannot be told before the clock is right. */
export type WaitingOrder<C> = { readonly ok: 'later'; readonly claims: C };

export type VerifyOptions<S extends z.ZodType> = {
  readonly topic: string;
  readonly device: string;
  readonly schema: S;
  readonly findKey: (kid: string) => OperatorKey | undefined;
  readonly nowMs: number;
  readonly isClockRight: boolean;
};

type Claims = { readonly iss: string; readonly aud: string; readonly iat: number; readonly exp?: number | undefined };

/** How far a device's and an operator's clock may differ, seconds. */
const skewSeconds = 300;

const compactJws = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

export async function verifyOrder<S extends z.ZodType<Claims>>(
  payload: Uint8Array,
  options: VerifyOptions<S>,
): Promise<OrderRefusal | VerifiedOrder<z.output<S>> | WaitingOrder<z.output<S>>> {
  const outer = readOuter(payload, options);
  if (!outer.ok) return outer;
  const { jws, key } = outer;
  const claims = await signedClaims(jws, key);
  if (claims === undefined)
    return refusal('ORDER_SIGNATURE', `expected a signature by ${key.kid}, got one that does not hold`);
  return judge(claims, key, options);
}

/** The form, the key and the topic: what can be told without cryptography, so that junk costs little. */
function readOuter(payload: Uint8Array, { topic, findKey }: VerifyOptions<z.ZodType>) {
  if (payload.length > maxOrderBytes)
    return refusal('ORDER_INVALID', `expected at most ${maxOrderBytes} bytes, got ${payload.length}`);
  const jws = Buffer.from(payload).toString('latin1');
  if (!compactJws.test(jws)) return refusal('ORDER_INVALID', 'expected a compact JWS (three parts with dots between)');
  const header = headerSchema.safeParse(parsed(jws.slice(0, jws.indexOf('.'))));
  if (!header.success)
    return refusal('ORDER_INVALID', `header: ${problemOf(header.error)}; expected alg EdDSA, kid and topic`);
  const key = findKey(header.data.kid);
  if (key === undefined)
    return refusal('ORDER_KEY_UNKNOWN', `expected a key that this device obeys, got ${header.data.kid}`);
  if (header.data.topic !== topic)
    return refusal('ORDER_TOPIC', `expected to arrive under ${header.data.topic}, as it was signed; got ${topic}`);
  return { ok: true, jws, key } as const;
}

async function signedClaims(jws: string, key: OperatorKey): Promise<Uint8Array | undefined> {
  // Loaded with the first order: a megabyte and a half that most devices never need.
  const { compactVerify, importJWK } = await import('jose');
  try {
    const { kty, crv, x } = key;
    const { payload } = await compactVerify(jws, await importJWK({ kty, crv, x } satisfies JWK, 'EdDSA'), {
      algorithms: ['EdDSA', 'Ed25519'],
    });
    return payload;
  } catch {
    // jose tells a wrong signature from a malformed one; to whoever forges them it should not.
    return undefined;
  }
}

function judge<S extends z.ZodType<Claims>>(
  bytes: Uint8Array,
  key: OperatorKey,
  { schema, device, nowMs, isClockRight }: VerifyOptions<S>,
): OrderRefusal | VerifiedOrder<z.output<S>> | WaitingOrder<z.output<S>> {
  const result = schema.safeParse(jsonFrom(Buffer.from(bytes).toString('utf8')));
  if (!result.success) return refusal('ORDER_INVALID', `claims: ${problemOf(result.error)}`);
  const claims = result.data;
  const { iss, aud, iat, exp } = claims;
  if (aud !== device) return refusal('ORDER_AUDIENCE', `expected to be meant for ${device}, got ${aud}`);
  if (iss !== key.operator)
    return refusal('ORDER_KEY_UNKNOWN', `expected ${key.operator}, whose key signed it, got issuer ${iss}`);
  if (exp !== undefined && !isClockRight) return { ok: 'later', claims };
  if (exp !== undefined && nowMs >= exp * 1000)
    return refusal('ORDER_EXPIRED', `expected before ${timeText(exp)}, got it at ${timeText(nowMs / 1000)}`);
  if (isClockRight && iat * 1000 > nowMs + skewSeconds * 1000)
    return refusal('ORDER_INVALID', `expected to be signed by now (${timeText(nowMs / 1000)}), got ${timeText(iat)}`);
  return { ok: true, claims, key, hash: sha256Of(bytes) };
}

export function refusal(code: OrderRefusal['code'], reason: string): OrderRefusal {
  return { ok: false, code, reason };
}

function parsed(base64url: string): unknown {
  return jsonFrom(Buffer.from(base64url, 'base64url').toString('utf8'));
}

function jsonFrom(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Refused by the schema, like everything else that is not what was expected.
    return undefined;
  }
}

function problemOf({ issues }: z.ZodError): string {
  const [{ path, message } = { path: [], message: 'malformed' }] = issues;
  return `${path.join('.') || '(root)'}: ${message}`.slice(0, 300);
}

function timeText(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? `${seconds} s` : date.toISOString();
}
