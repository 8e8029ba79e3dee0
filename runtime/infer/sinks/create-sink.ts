/** The sink for what a configuration names. A new kind is one line. */
import type { Clock } from '../../base/clock.ts';
import type { SinkSpec } from '../messages.ts';
import type { Report } from '../problems.ts';
import { createCommandSink } from './command-sink.ts';
import { createFileSink } from './file-sink.ts';
import { createGpioSink } from './gpio-sink.ts';
import { createPipeSink } from './pipe-sink.ts';
import type { Sink } from './sink.ts';
import { createSocketSink } from './socket-sink.ts';

type Openers = {
  readonly [K in SinkSpec['kind']]: (spec: Extract<SinkSpec, { kind: K }>, report: Report, clock: Clock) => Sink;
};

const openers: Openers = {
  file: ({ path }, report, clock) => createFileSink(path, report, clock),
  socket: ({ path }, report, clock) => createSocketSink(path, report, clock),
  command: (spec, report) => createCommandSink(spec, report),
  pipe: createPipeSink,
  gpio: (spec, report) => createGpioSink(spec, report),
};

export function createSink(spec: SinkSpec, report: Report, clock: Clock): Sink {
  return (openers[spec.kind] as (spec: SinkSpec, report: Report, clock: Clock) => Sink)(spec, report, clock);
}
