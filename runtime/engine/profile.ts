/** Where a model's time goes, node by node, from ONNX Runtime's own profiler. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { OctetError } from '../base/errors.ts';
import { readJson } from '../base/json.ts';
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
    return nodeTimes(await readEvents(folder), runs);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const eventSchema = z.object({
  cat: z.string(),
  name: z.string(),
  ts: z.number(),
  dur: z.number().default(0),
  args: z.object({ op_name: z.string(), provider: z.string(), node_index: z.string() }).partial().default({}),
});

type ProfileEvent = z.output<typeof eventSchema>;

async function readEvents(folder: string): Promise<readonly ProfileEvent[]> {
  const [file] = await readdir(folder);
  if (file === undefined)
    throw new OctetError('ENGINE_FAILED', 'profile: expected ONNX Runtime to write a file, got none');
  return readJson(join(folder, file), z.array(eventSchema), { code: 'ENGINE_FAILED', what: 'profile' });
}

/** Exported for its test. @param runs how many of the last calls count; calls before them are warm-up. */
export function nodeTimes(events: readonly ProfileEvent[], runs: number): readonly NodeTime[] {
  const calls = events.filter(({ name }) => name === 'model_run');
  const startUs = calls.at(-runs)?.ts ?? 0;
  const byNode = new Map<string, NodeTime>();
  for (const { cat, name, ts, dur, args } of events) {
    if (cat !== 'Node' || ts < startUs || !name.endsWith(kernelSuffix)) continue;
    const key = `${args.node_index} ${name}`;
    const { op_name: opType = '', provider = '' } = args;
    const meanUs = (byNode.get(key)?.meanUs ?? 0) + dur / runs;
    byNode.set(key, { name: name.slice(0, -kernelSuffix.length), opType, provider, meanUs });
  }
  return [...byNode.values()];
}

const kernelSuffix = '_kernel_time';
