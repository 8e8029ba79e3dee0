/** Where a model's time goes, node by node, from ONNX Runtime's own profiler. */
import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { OctetError } from '../base/errors.ts';
import { parseJson } from '../base/json.ts';
import type { Feeds } from '../graph/tensor.ts';
import { openSession } from './session.ts';
import type { SessionOptions } from './session-options.ts';

/** One node of the optimised graph; its name is not always one of the model's own. */
export type NodeTime = {
  readonly name: string;
  readonly opType: string;
  readonly provider: string;
  /** Mean over the profiled runs, microseconds (the profiler's own resolution is 1 µs). */
  readonly meanUs: number;
};

/** Calls before the profiled ones: the first allocates and packs weights. */
const warmUpRuns = 3;

/**
 * Runs the model `runs` times and returns its nodes in order of execution. Nodes inside bodies (Loop) may run several times
 * per call; their time is the sum per call. Opens a session: a long-lived process leaves it to a child.
 * @throws what `openSession` and `Session.run` throw.
 */
export async function profileModel(
  source: string | Uint8Array,
  feeds: Feeds,
  runs: number,
  options: SessionOptions = {},
): Promise<readonly NodeTime[]> {
  if (!(Number.isInteger(runs) && runs > 0))
    throw new OctetError('INTERNAL', `profileModel: expected a positive number of runs, got ${runs}`);
  const folder = await mkdtemp(join(tmpdir(), 'octet-profile-'));
  try {
    const session = await openSession(source, { ...options, profilePrefix: join(folder, 'profile') });
    for (let run = 0; run < warmUpRuns + runs; run++) await session.run(feeds);
    session.endProfiling();
    await session.close();
    return await nodeTimes(readEvents(folder), warmUpRuns);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const eventSchema = z.object({
  cat: z.string(),
  name: z.string(),
  dur: z.number().default(0),
  args: z.object({ op_name: z.string(), provider: z.string(), node_index: z.string() }).partial().default({}),
});

export type ProfileEvent = z.output<typeof eventSchema>;

/** Event by event: the file has a line for each node of each run and may be far larger than the model. */
async function* readEvents(folder: string): AsyncGenerator<ProfileEvent> {
  const [file] = await readdir(folder);
  if (file === undefined)
    throw new OctetError('ENGINE_FAILED', 'profile: expected ONNX Runtime to write a file, got none');
  for await (const line of createInterface({ input: createReadStream(join(folder, file)) })) {
    const event = line.trim().replace(/,$/, '');
    if (event.startsWith('{')) yield parseJson(event, eventSchema, { code: 'ENGINE_FAILED', what: 'profile' });
  }
}

const kernelSuffix = '_kernel_time';

/**
 * Means per node over all complete calls but the first `warmUp`. The events of a call's nodes come before the event of the
 * call itself. Exported for its test.
 */
export async function nodeTimes(
  events: AsyncIterable<ProfileEvent> | Iterable<ProfileEvent>,
  warmUp: number,
): Promise<readonly NodeTime[]> {
  const totals = new Map<string, NodeTime>();
  let call: ProfileEvent[] = [];
  let calls = 0;
  for await (const event of events) {
    if (event.cat === 'Node' && event.name.endsWith(kernelSuffix)) call.push(event);
    if (event.name !== 'model_run') continue;
    calls++;
    if (calls > warmUp) for (const node of call) addTo(totals, node);
    call = [];
  }
  return Array.from(totals.values(), (total) => ({ ...total, meanUs: total.meanUs / (calls - warmUp) }));
}

function addTo(totals: Map<string, NodeTime>, { name, dur, args }: ProfileEvent): void {
  const { op_name: opType = '', provider = '', node_index: index } = args;
  const key = `${index} ${name}`;
  const meanUs = (totals.get(key)?.meanUs ?? 0) + dur;
  totals.set(key, { name: name.slice(0, -kernelSuffix.length), opType, provider, meanUs });
}
