/** Messages that a hostile or broken broker might deliver, the same for the same seed: topics, bytes, envelopes, claims. */

import { CompactSign, importJWK } from 'jose';
import { topics } from '../../../agent/protocol/topics.ts';
import { device, entry, operatorKey } from '../../support/order-desk.ts';
import { type Random, randomFrom } from '../mutate.ts';

export type FuzzCase = { readonly topic: string; readonly payload: Uint8Array };

/** Whose key the device obeys, and one that it does not. */
export const alice = operatorKey('alice');
const mallory = operatorKey('mallory');
const alicesKey = importJWK({ kty: alice.kty, crv: alice.crv, x: alice.x, d: alice.d }, 'EdDSA');

const nowS = Math.floor(Date.UTC(2026, 5, 1) / 1000);

/** One in sixteen is signed by a key that the device obeys, so that what stands behind the signature is reached. */
export async function caseFrom(seed: number): Promise<FuzzCase> {
  const random = randomFrom(seed);
  const topic = topicFrom(random);
  const form = random(16);
  if (form === 0) return { topic, payload: await signed(random, topic) };
  if (form < 5) return { topic, payload: bytesFrom(random) };
  if (form < 9) return { topic, payload: text(JSON.stringify(jsonFrom(random, 0)) ?? '') };
  return { topic, payload: text(envelope(random, topic)) };
}

const goodTopics = [
  topics.desired(device),
  topics.job(device, 'j1'),
  ...['ping', 'snapshot', 'tail-log', 'bench-quick', 'self-check', 'explain'].map((name) =>
    topics.request(device, name),
  ),
];
const upTopics = [
  ...[topics.status(device), topics.info(device), topics.reported(device), topics.telemetry(device, 'decisions')],
  ...[topics.event(device, 'x'), topics.bench(device, 'm', 'v'), topics.jobState(device, 'j'), topics.log(device, 'j')],
  topics.reply('alice', device),
];
const levels = [
  '',
  '+',
  '#',
  '/',
  '..',
  '\u0000',
  '%u',
  '$SYS',
  'constructor',
  '__proto__',
  'ä'.repeat(300),
  'up',
  'down',
  '𝕏',
];

function topicFrom(random: Random): string {
  const topic = pick(random, random(4) === 0 ? upTopics : goodTopics);
  if (random(3) > 0) return topic;
  const parts = topic.split('/');
  for (let changes = 1 + random(3); changes > 0; changes -= 1) {
    const at = random(parts.length + 1);
    parts.splice(at, random(2), ...(random(3) === 0 ? [] : [pick(random, levels)]));
  }
  return parts.join('/');
}

/** Claims of every kind, with fields gone, doubled, of other types; void in any case, so that obeying one is a fault. */
async function signed(random: Random, topic: string): Promise<Uint8Array> {
  const base: Record<string, unknown> = {
    ...{ iss: 'alice', aud: device, iat: nowS, exp: nowS + 60, jti: 'j1', version: 1 + random(5), slots: [entry('a')] },
    ...{ type: pick(random, ['deploy', 'restart', 'cancel', 'rotate-keys', 'benchmark', 'collect-logs', 'launch']) },
    args: pick(random, [entry('a'), {}, { remove: [alice.kid] }, { job: 'j2' }]),
  };
  const changed = damage(base, random);
  // Whatever else is left of it: for somebody else, or over.
  if (random(2) === 0) changed.aud = pick(random, ['pump-8', '', 7, null, '__proto__']);
  else changed.exp = pick(random, [nowS - 1, 0, -1, 1e300, 'soon', null]);
  const header = { alg: 'EdDSA', kid: alice.kid, topic };
  return text(await new CompactSign(text(JSON.stringify(changed))).setProtectedHeader(header).sign(await alicesKey));
}

function damage(claims: Record<string, unknown>, random: Random): Record<string, unknown> {
  const changed = { ...claims };
  for (let changes = random(4); changes > 0; changes -= 1) {
    const key = pick(random, Object.keys(changed));
    if (random(3) === 0) delete changed[key];
    else changed[key] = jsonFrom(random, 0);
  }
  return changed;
}

/** Something that looks like a JWS from a distance. */
function envelope(random: Random, topic: string): string {
  const header = damage({ alg: 'EdDSA', kid: pick(random, [alice.kid, mallory.kid]), topic }, random);
  if (random(4) === 0) header.alg = pick(random, ['none', 'HS256', 'RS256', 'eddsa', '', 7]);
  if (random(8) === 0) header.crit = ['x'];
  const part = (value: unknown) => Buffer.from(JSON.stringify(value) ?? '').toString('base64url');
  const signature = Buffer.from(Array.from({ length: pick(random, [64, 63, 0, 65]) }, () => random(256)));
  const whole = [part(header), part(jsonFrom(random, 0)), signature.toString('base64url')].join('.');
  const cut = random(6);
  if (cut === 0) return whole.slice(0, random(whole.length));
  return cut === 1 ? whole.replace('.', pick(random, ['', '..', '.\n', ' '])) : whole;
}

function jsonFrom(random: Random, depth: number): unknown {
  const kind = random(depth > 4 ? 6 : 9);
  if (kind === 0) return null;
  if (kind === 1) return random(2) === 0;
  if (kind === 2) return pick(random, [0, -1, 1.5, 1e21, Number.MAX_SAFE_INTEGER, nowS, 2 ** 31]);
  if (kind < 6)
    return pick(random, [
      '',
      'alice',
      device,
      'main',
      '../../etc',
      'a'.repeat(64),
      '\u0000',
      'x'.repeat(random(400)),
      '💥',
    ]);
  if (kind === 6) return Array.from({ length: random(6) }, () => jsonFrom(random, depth + 1));
  if (kind === 7 && random(40) === 0) return JSON.parse('['.repeat(900) + ']'.repeat(900));
  const keys = [
    'iss',
    'aud',
    'version',
    'slots',
    'slot',
    'online',
    'sess',
    'pts',
    '__proto__',
    'constructor',
    'toString',
    'args',
  ];
  return Object.fromEntries(Array.from({ length: random(6) }, () => [pick(random, keys), jsonFrom(random, depth + 1)]));
}

function bytesFrom(random: Random): Uint8Array {
  const size = random(30) === 0 ? 132_000 : random(300);
  const only = pick(random, [256, 128, 3]);
  if (size > 1000) return new Uint8Array(size).fill(65 + random(3));
  return Uint8Array.from({ length: size }, () => random(only));
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

function pick<T>(random: Random, from: readonly T[]): T {
  return from[random(from.length)]!;
}
