/**
 * Questions of operators, each answered once: asking again under the same id within ten minutes gives the same answer. An
 * answer goes to whoever signed the question, and nowhere else, whatever response topic came with it.
 */
import type { Clock } from '../../runtime/base/clock.ts';
import { errorRecordFrom, OctetError } from '../../runtime/base/errors.ts';
import type { Arrived, PublishOptions } from '../link/connect-once.ts';
import type { Reply } from '../protocol/messages.ts';
import { type Request, type RequestName, requestArgs, requestLifeSeconds } from '../protocol/orders.ts';
import { topics } from '../protocol/topics.ts';
import type { Answers } from './answers.ts';

export type RequestsOptions = {
  readonly device: string;
  readonly clock: Clock;
  readonly answers: Answers;
  readonly say: (topic: string, payload: string, options: PublishOptions) => void;
  readonly signal: AbortSignal;
};

const rememberMs = 600_000;
const maxRemembered = 256;
/** So many questions may come at once, and one more every so often. */
const bucket = { size: 20, refillMs: 500 } as const;
/** An answer fits into one message of any broker. */
const maxBytes = 120 * 1024;

type Remembered = { readonly atMs: number; readonly reply: Promise<Reply> };

export class Requests {
  readonly #options: RequestsOptions;
  readonly #remembered = new Map<string, Remembered>();
  #tokens: number = bucket.size;
  #refilledMs: number;

  constructor(options: RequestsOptions) {
    this.#options = options;
    this.#refilledMs = options.clock.monotonicMs();
  }

  /** Answers; never throws. @param isEarly whether it has expired cannot be told before the clock is right. */
  async take(name: string, claims: Request, arrived: Arrived, isEarly: boolean): Promise<void> {
    if (isEarly) {
      const error = new OctetError(
        'ORDER_REJECTED',
        'clock: expected it to be synchronised, got a device that cannot tell the time',
      );
      this.#send(claims.iss, failed(name, claims.jti, 503, error), arrived);
      return;
    }
    const key = `${claims.iss} ${claims.jti}`;
    this.#forget();
    const known = this.#remembered.get(key);
    const reply = known?.reply ?? this.#answer(name, claims);
    if (!known) this.#remembered.set(key, { atMs: this.#options.clock.monotonicMs(), reply });
    this.#send(claims.iss, await reply, arrived);
  }

  #send(operator: string, reply: Reply, { correlationData }: Arrived): void {
    const { device, say } = this.#options;
    say(topics.reply(operator, device), fitting(reply), {
      ...{ qos: 1, retain: false, status: reply.status, expirySeconds: requestLifeSeconds },
      ...(correlationData === undefined ? {} : { correlationData }),
    });
  }

  async #answer(name: string, { jti: id, args, iat, exp }: Request): Promise<Reply> {
    const refuse = (status: Reply['status'], error: unknown) => failed(name, id, status, error);
    if (!isRequestName(name)) {
      const names = Object.keys(requestArgs).join(', ');
      return refuse(404, new OctetError('ORDER_INVALID', `request: expected one of ${names}, got ${name}`));
    }
    if (exp - iat > requestLifeSeconds)
      return refuse(400, new OctetError('ORDER_INVALID', `exp: expected at most ${requestLifeSeconds} s after iat`));
    const parsed = requestArgs[name].safeParse(args);
    if (!parsed.success) {
      const [{ path, message } = { path: [], message: '' }] = parsed.error.issues;
      return refuse(400, new OctetError('ORDER_INVALID', `args.${path.join('.')}: ${message}`));
    }
    if (!this.#takeToken()) return refuse(429, new OctetError('ORDER_REJECTED', 'expected fewer questions at once'));
    try {
      const answer = this.#options.answers[name] as (args: unknown, signal: AbortSignal) => Promise<unknown>;
      return { id, request: name, status: 200, error: null, body: await answer(parsed.data, this.#options.signal) };
    } catch (error) {
      const isRejected = error instanceof OctetError && error.code === 'ORDER_REJECTED';
      return refuse(isRejected ? 409 : 500, error);
    }
  }

  #takeToken(): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    this.#tokens = Math.min(bucket.size, this.#tokens + (nowMs - this.#refilledMs) / bucket.refillMs);
    this.#refilledMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** The oldest first; a map keeps the order in which they came. */
  #forget(): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const [key, { atMs }] of this.#remembered) {
      if (nowMs - atMs < rememberMs && this.#remembered.size < maxRemembered) return;
      this.#remembered.delete(key);
    }
  }
}

function failed(request: string, id: string, status: Reply['status'], cause: unknown): Reply {
  const { code, message, hint } = errorRecordFrom(cause);
  return { id, request, status, error: { code, message, ...(hint ? { hint } : {}) } };
}

function isRequestName(name: string): name is RequestName {
  return Object.hasOwn(requestArgs, name);
}

function fitting(reply: Reply): string {
  const text = JSON.stringify(reply);
  if (Buffer.byteLength(text) <= maxBytes) return text;
  const { id, request } = reply;
  const message = `${request}: expected an answer of at most ${maxBytes} bytes, got ${Buffer.byteLength(text)}`;
  return JSON.stringify({ id, request, status: 500, error: { code: 'ORDER_REJECTED', message } } satisfies Reply);
}
