/** Signs orders: claims into a compact JWS whose protected header names the topic, so that it is worth nothing elsewhere. */
import { CompactSign, importJWK } from 'jose';
import type { Desired, JobType } from '../../agent/protocol/orders.ts';
import type { OperatorPrivateKey } from './operator-keys.ts';

export type Signable =
  | Pick<Desired, 'version' | 'slots'>
  | { readonly jti: string; readonly type: JobType; readonly args: object }
  | { readonly jti: string; readonly args: object };

export type SignOptions = {
  readonly topic: string;
  readonly device: string;
  readonly nowMs: number;
  /** Void after so long; what is desired may stand for ever. */
  readonly lifeSeconds?: number;
};

export async function signOrder(
  claims: Signable,
  { kty, crv, x, d, kid, operator }: OperatorPrivateKey,
  { topic, device, nowMs, lifeSeconds }: SignOptions,
): Promise<string> {
  const iat = Math.floor(nowMs / 1000);
  const exp = lifeSeconds === undefined ? {} : { exp: iat + lifeSeconds };
  const payload = JSON.stringify({ iss: operator, aud: device, iat, ...exp, ...claims });
  return new CompactSign(new TextEncoder().encode(payload))
    .setProtectedHeader({ alg: 'EdDSA', kid, topic })
    .sign(await importJWK({ kty, crv, x, d }, 'EdDSA'));
}
