/** What the measuring process is asked and what it answers. */
import type { Task } from '../../../runtime/data/pipeline.ts';
import type { Decided } from '../../../runtime/measure/messages.ts';

type Named = { readonly name: string; readonly path: string };

/** All models in one process, in blocks that take turns. */
export type TimeRequest = {
  readonly kind: 'time';
  readonly models: readonly Named[];
  readonly dataFolder: string;
  /** Samples in one call. */
  readonly batch: number;
  readonly rounds: number;
};

/** Each round's median of each model, microseconds a call: `rounds[round][model]`, in the order of the request. */
export type TimeResult = { readonly kind: 'time'; readonly rounds: readonly (readonly number[])[] };

/** Every test sample through every model, with the session that is timed. */
export type DecideRequest = {
  readonly kind: 'decide';
  readonly models: readonly Named[];
  readonly dataFolder: string;
  readonly task: Task['kind'];
};

export type DecideResult = { readonly kind: 'decide'; readonly decided: readonly Decided[] };

/** Which share of a model's time its convolutions and matrix products take. */
export type ShareRequest = { readonly kind: 'share'; readonly path: string; readonly dataFolder: string };

export type ShareResult = {
  readonly kind: 'share';
  /** Of the time of all nodes, 0 to 1. */
  readonly share: number;
};

export type MeasureRequest = TimeRequest | DecideRequest | ShareRequest;
export type MeasureResult = TimeResult | DecideResult | ShareResult;
export type ResultOf<R extends MeasureRequest> = Extract<MeasureResult, { kind: R['kind'] }>;
