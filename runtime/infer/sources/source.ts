/** Where samples come from, as one stream of blocks. A source is pulled: the next block is asked for when this one is done. */
import type { Clock } from '../../base/clock.ts';
import type { Pipeline } from '../../data/pipeline.ts';
import type { Span } from '../../data/recording.ts';
import type { Problems } from '../problems.ts';

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
  /** A program that leads a process group of its own has begun, or has ended with all of its group. */
  readonly onProgram?: (pid: number, isRunning: boolean) => void;
};

export type Source = AsyncIterable<SampleBlock>;
