/** The source for what a configuration names. A new kind is one line. */

import type { SourceSpec } from '../messages.ts';
import { readCommand } from './command-source.ts';
import { openIio } from './iio-source.ts';
import { openReplay } from './replay-source.ts';
import type { Source, SourceContext } from './source.ts';
import { openSystem } from './system-source.ts';
import { watchTiming } from './watch-timing.ts';

type Openers = {
  readonly [K in SourceSpec['kind']]: (
    spec: Extract<SourceSpec, { kind: K }>,
    context: SourceContext,
  ) => Promise<Source>;
};

const openers: Openers = {
  replay: openReplay,
  command: async (spec, context) => watchTiming(readCommand(spec, context), context),
  iio: async (spec, context) => watchTiming(await openIio(spec, context), context),
  system: async (_, context) => watchTiming(openSystem(context), context),
};

/** @throws FILE_NOT_FOUND, DATA_INVALID, DATA_MISMATCH; iterating throws SOURCE_FAILED when the source is beyond repair. */
export async function openSource(spec: SourceSpec, context: SourceContext): Promise<Source> {
  const open = openers[spec.kind] as (spec: SourceSpec, context: SourceContext) => Promise<Source>;
  return open(spec, context);
}
