/**
 * What the runner costs beyond the model: decisions of a replay against a bare loop of `session.run` over the same windows, in
 * alternating rounds of one process, so that both meet the same machine.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readManifest } from '../../models/manifest.ts';
import { systemClock } from '../../runtime/base/clock.ts';
import { programRoot } from '../../runtime/base/files.ts';
import { openFeatures } from '../../runtime/data/features.ts';
import { openRecordings } from '../../runtime/data/recording.ts';
import { createWindower } from '../../runtime/data/window.ts';
import { openSession } from '../../runtime/engine/session.ts';
import type { Tensor } from '../../runtime/graph/tensor.ts';
import { createInference } from '../../runtime/infer/inference.ts';
import type { Decision } from '../../runtime/infer/messages.ts';
import { openRecorder } from '../../runtime/infer/recording/recorder.ts';
import { runPipeline } from '../../runtime/infer/runner.ts';
import { createSink } from '../../runtime/infer/sinks/create-sink.ts';
import { openSource } from '../../runtime/infer/sources/open-source.ts';
import { median } from '../../runtime/measure/statistics.ts';
import type { BenchRow } from './sections.ts';

const rounds = 9;
/** The first round warms caches and the compiler up and is dropped. */
const warmUpRounds = 1;
const windowsPerRound = 400;

/** Median over the rounds of each round's figures. */
type Round = {
  bareModelUs: number;
  bareUs: number;
  barePerWindowUs: number;
  decisionUs: number;
  runnerPerWindowUs: number;
};

export async function benchRunner(): Promise<BenchRow[]> {
  const folder = join(programRoot(), 'models/bundled/watch-exercise');
  const work = await mkdtemp(join(tmpdir(), 'octet-bench-'));
  try {
    const bench = await prepare(folder, work);
    const measured: Round[] = [];
    for (let round = 0; round < rounds + warmUpRounds; round++) measured.push(await bench());
    return rowsFrom(measured.slice(warmUpRounds));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function rowsFrom(measured: readonly Round[]): BenchRow[] {
  const of = (pick: (round: Round) => number) => median(measured.map(pick));
  const allowedUs = (bareUs: number) => 0.1 * bareUs + 50;
  const row = (name: string, bareUs: number, value: number): BenchRow => ({
    name,
    value,
    unit: 'µs',
    target: `≤ ${allowedUs(bareUs).toFixed(0)} µs (10 % of ${bareUs.toFixed(0)} µs, plus 50 µs)`,
    ok: value <= allowedUs(bareUs),
  });
  const bareUs = of((round) => round.bareUs);
  const modelUs = of((round) => round.bareModelUs);
  const perWindowUs = of((round) => round.barePerWindowUs);
  return [
    row(
      'decision over bare features and model, p50',
      bareUs,
      of((round) => round.decisionUs - round.bareUs),
    ),
    row(
      'decision over bare model alone, p50',
      modelUs,
      of((round) => round.decisionUs - round.bareModelUs),
    ),
    row(
      'whole runner, not recording, over bare loop, mean',
      perWindowUs,
      of((round) => round.runnerPerWindowUs - round.barePerWindowUs),
    ),
  ];
}

/** One round: the bare loop over so many windows, then the runner with a file sink over the same data, with a recorder and without. */
async function prepare(folder: string, work: string): Promise<() => Promise<Round>> {
  const { modelPath, featuresPath, pipeline, task } = await readManifest(folder);
  const session = await openSession(modelPath);
  const features = await openFeatures({ inputs: session.inputs, pipeline, featuresPath });
  const infer = createInference(session, features, task);
  const recordings = join(folder, 'recordings');
  const windows = await readWindows(recordings, createWindower(pipeline));
  const problems = {
    reporter: () => (error: Error) => {
      throw error;
    },
  };

  const bareLoop = async () => {
    const [model, both]: [number[], number[]] = [[], []];
    const startMs = performance.now();
    for (const window of windows) {
      const windowMs = performance.now();
      const feeds = await features.feeds(window);
      const modelMs = performance.now();
      await session.run(feeds as Record<string, Tensor>);
      const endMs = performance.now();
      model.push(endMs - modelMs);
      both.push(endMs - windowMs);
    }
    const totalMs = performance.now() - startMs;
    return { model: median(model), both: median(both), perWindow: totalMs / windows.length };
  };

  const runner = async (isRecording: boolean) => {
    const stopping = new AbortController();
    const decisions: Decision[] = [];
    const context = { pipeline, clock: systemClock, problems, signal: stopping.signal };
    const source = await openSource({ kind: 'replay', recordings: [recordings], speed: 0, loop: false }, context);
    const sink = createSink({ kind: 'file', path: join(work, 'decisions.jsonl') }, problems.reporter(), systemClock);
    const record = { folder: await mkdtemp(join(work, 'recorded-')), maxBytes: 64 * 1024 * 1024 };
    const recorder = await openRecorder(record, {
      pipeline,
      clock: systemClock,
      report: problems.reporter(),
      onRecorded: () => {},
    });
    const counter = {
      write: (decision: Decision) => {
        if (decisions.push(decision) === windows.length) stopping.abort();
      },
    };
    const startMs = performance.now();
    await runPipeline({
      ...context,
      source,
      infer,
      report: problems.reporter(),
      sinks: [counter, sink],
      recorder: isRecording ? recorder : undefined,
    });
    const totalMs = performance.now() - startMs;
    await Promise.all([recorder.close(), sink.close()]);
    return { latencyUs: median(decisions.map(({ latencyUs }) => latencyUs)), perWindowMs: totalMs / decisions.length };
  };

  return async () => {
    const bare = await bareLoop();
    // Recording at full speed syncs the disk thousands of times faster than a sensor would make it: its wall time is the
    // disk's, so latency is taken with it and time per window without.
    const { latencyUs } = await runner(true);
    const { perWindowMs } = await runner(false);
    return {
      bareModelUs: bare.model * 1000,
      bareUs: bare.both * 1000,
      barePerWindowUs: bare.perWindow * 1000,
      decisionUs: latencyUs,
      runnerPerWindowUs: perWindowMs * 1000,
    };
  };
}

/** The first windows of the recordings, in the order in which a replay gives them. */
async function readWindows(path: string, windower: ReturnType<typeof createWindower>): Promise<Float32Array[]> {
  const windows: Float32Array[] = [];
  for (const { info, sampleCount, read } of await openRecordings(path)) {
    windower.reset();
    const rows = await read(0, sampleCount);
    for (let offset = 0; offset < rows.length; offset += info.channels.length) {
      const window = windower.push(rows, offset);
      if (window) windows.push(window.slice());
      if (windows.length === windowsPerRound) return windows;
    }
  }
  return windows;
}
