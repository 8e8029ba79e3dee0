/**
 * Where decisions act on the device itself. A sink takes a decision and returns at once; what it cannot do it reports, and it
 * never holds up or stops inference.
 */
import type { Clock } from '../base/clock.ts';
import { createCommandSink } from './command-sink.ts';
import { createFileSink } from './file-sink.ts';
import type { Decision, SinkSpec } from './messages.ts';
import type { Report } from './problems.ts';
import { createSocketSink } from './socket-sink.ts';

export type Sink = {
  /** Never throws, never waits. */
  write(decision: Decision): void;
  /** Resolves when everything taken was delivered or reported as lost. */
  close(): Promise<void>;
};

type Openers = {
  readonly [K in SinkSpec['kind']]: (spec: Extract<SinkSpec, { kind: K }>, report: Report, clock: Clock) => Sink;
};

const openers: Openers = {
  file: ({ path }, report, clock) => createFileSink(path, report, clock),
  socket: ({ path }, report, clock) => createSocketSink(path, report, clock),
  command: (spec, report) => createCommandSink(spec, report),
};

export function createSink(spec: SinkSpec, report: Report, clock: Clock): Sink {
  return (openers[spec.kind] as (spec: SinkSpec, report: Report, clock: Clock) => Sink)(spec, report, clock);
}
