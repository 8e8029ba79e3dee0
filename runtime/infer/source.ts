/** Where samples come from, as one stream of blocks. A source is pulled: the next block is asked for when this one is done. */
import type { Clock } from '../base/clock.ts';
import type { Pipeline } from '../data/pipeline.ts';
import type { Span } from '../data/recording.ts';
import { readCommand } from './command-source.ts';
import type { SourceSpec } from './messages.ts';
import type { Problems } from './problems.ts';
import { openReplay } from './replay-source.ts';

/** Consecutive samples. */
export type SampleBlock = {
  /** [samples, channels], row-major; at least one sample. */
  readonly rows: Float32Array;
  /** Unix time at which the last of them arrived, microseconds. */
  readonly tUs: number;
  /** They do not follow on the block before: a new recording, a sensor that was restarted. */
  readonly discontinuity: boolean;
  /** Index of the first one in its recording, or since the discontinuity. */
  readonly firstSample: number;
  /** Labels of the recording that is replayed. */
  readonly spans: readonly Span[];
};

export type SourceContext = {
  readonly pipeline: Pipeline;
  readonly clock: Clock;
  /** Counts what goes wrong, kind by kind. */
  readonly problems: Pick<Problems, 'reporter'>;
  /** Ends the stream. */
  readonly signal: AbortSignal;
};

type Source = AsyncIterable<SampleBlock>;
type Openers = {
  readonly [K in SourceSpec['kind']]: (
    spec: Extract<SourceSpec, { kind: K }>,
    context: SourceContext,
  ) => Promise<Source>;
};

const openers: Openers = {
  replay: openReplay,
  command: async (spec, context) => readCommand(spec.command, context),
};

/** @throws FILE_NOT_FOUND, DATA_INVALID, DATA_MISMATCH; iterating throws SOURCE_FAILED when the source is beyond repair. */
export async function openSource(spec: SourceSpec, context: SourceContext): Promise<Source> {
  const open = openers[spec.kind] as (spec: SourceSpec, context: SourceContext) => Promise<Source>;
  return open(spec, context);
}
