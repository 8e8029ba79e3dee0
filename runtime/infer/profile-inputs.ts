/**
 * Takes a variant's input profile from the recording that it was calibrated with: the deciles of each channel, the ranges
 * that its first and last quantisers have, how often those are reached, and how far the recording's quarters differ from the
 * whole. Runs the model, so it belongs into a process that ends.
 */
import { openFeatures } from '../data/features.ts';
import { type Pipeline, sampleWidth } from '../data/pipeline.ts';
import { openRecordings, type Recording } from '../data/recording.ts';
import { windowCount } from '../data/window.ts';
import { openSession } from '../engine/session.ts';
import { constantTensor } from '../graph/initializer.ts';
import { integerRanges } from '../graph/integers.ts';
import { loadModel } from '../graph/load.ts';
import type { Graph, Node } from '../graph/model.ts';
import type { Tensor } from '../graph/tensor.ts';
import { createInputCounters } from './input-counters.ts';
import {
  addCounts,
  binCount,
  type ChannelProfile,
  type InputCounts,
  type InputProfile,
  largestShift,
  noCounts,
  type Range,
} from './input-profile.ts';

export type ProfileRequest = {
  /** The variant. */
  readonly modelPath: string;
  readonly featuresPath?: string;
  readonly pipeline: Pipeline;
  /** A recording folder, or a folder of them. */
  readonly recording: string;
};

/** Deciles settle within a few hundred windows. */
const maxWindows = 512;
const quarters = 4;
const valuesPerWindow = 64;

/** @throws what opening a model or a recording throws. */
export async function profileInputs({
  modelPath,
  featuresPath,
  pipeline,
  recording,
}: ProfileRequest): Promise<InputProfile> {
  const windows = await windowsOf(await openRecordings(recording), pipeline);
  const session = await openSession(modelPath, { threads: 1 });
  const features = await openFeatures({ inputs: session.inputs, pipeline, featuresPath });
  const [inputName, outputName] = [session.inputs[0]?.name ?? '', session.outputs[0]?.name ?? ''];
  const runs: { window: Float32Array; input: Tensor; output: Tensor }[] = [];
  for (const window of windows) {
    const feeds = await features.feeds(window);
    runs.push({ window, input: feeds[inputName] as Tensor, output: (await session.run(feeds))[outputName] as Tensor });
  }
  const { graph } = await loadModel(modelPath);
  const input = quantizerRange(graph, graph.nodes.find(reads(inputName))) ?? rangeOf(runs.map((run) => run.input));
  const output = quantizerRange(graph, graph.nodes.find(makes(outputName)));
  const bare = { windows: runs.length, channels: channelsOf(windows, pipeline), input, ...(output ? { output } : {}) };
  const unmeasured: InputProfile = { ...bare, inputSaturation: 0, outputSaturation: 0, naturalShift: 0 };
  const parts = Array.from({ length: quarters }, (_, part) => {
    const counters = createInputCounters(unmeasured);
    const [from, to] = [part, part + 1].map((end) => Math.floor((end * runs.length) / quarters));
    for (const run of runs.slice(from, to)) counters.count(run.window, run.input, run.output);
    return counters.take();
  });
  return { ...unmeasured, ...measured(unmeasured, parts) };
}

function measured({ channels }: InputProfile, parts: readonly InputCounts[]) {
  const all = parts.reduce(addCounts, noCounts(channels.length));
  return {
    inputSaturation: all.saturatedInputs / Math.max(1, all.inputs),
    outputSaturation: all.saturatedOutputs / Math.max(1, all.outputs),
    naturalShift: Math.max(...parts.map(({ bins }) => largestShift(channels, bins).index)),
  };
}

/** Evenly spread over all recordings. */
async function windowsOf(recordings: readonly Recording[], { window }: Pipeline): Promise<Float32Array[]> {
  const starts = recordings.flatMap((recording) =>
    Array.from({ length: windowCount(recording.sampleCount, window) }, (_, at) => ({
      recording,
      at: at * window.stride,
    })),
  );
  const step = Math.max(1, starts.length / maxWindows);
  const chosen = Array.from({ length: Math.min(starts.length, maxWindows) }, (_, at) => starts[Math.floor(at * step)]!);
  const windows: Float32Array[] = [];
  for (const { recording, at } of chosen) windows.push(await recording.read(at, at + window.samples));
  return windows;
}

function channelsOf(windows: readonly Float32Array[], { channels }: Pipeline): ChannelProfile[] {
  const width = sampleWidth({ channels });
  let first = 0;
  return channels.map(({ name, count = 1 }) => {
    const from = first;
    first += count;
    const sorted = Float64Array.from(windows.flatMap((window) => everyFew(window, { from, count, width }))).sort();
    const decile = (bin: number) => sorted[Math.floor(((bin + 1) * sorted.length) / binCount)] ?? 0;
    const edges = Array.from({ length: binCount - 1 }, (_, bin) => decile(bin));
    return { name, count, edges, shares: sharesOf(sorted, edges) };
  });
}

/** Some dozens of one channel's values: a second of sound has thousands that tell the same. */
function everyFew(
  window: Float32Array,
  { from, count, width }: { from: number; count: number; width: number },
): number[] {
  const values = (window.length / width) * count;
  const step = Math.max(1, Math.floor(values / valuesPerWindow));
  return Array.from({ length: Math.ceil(values / step) }, (_, index) => {
    const value = index * step;
    return window[Math.floor(value / count) * width + from + (value % count)]!;
  });
}

/** Not a tenth each: a channel that rests has many equal values. */
function sharesOf(sorted: Float64Array, edges: readonly number[]): number[] {
  // As `binOf` counts: what equals a border belongs above it.
  const below = (value: number) => sorted.findIndex((other) => other >= value);
  const ends = [...edges.map(below), sorted.length];
  return ends.map((end, bin) => (end - (ends[bin - 1] ?? 0)) / Math.max(1, sorted.length));
}

const reads =
  (name: string) =>
  ({ opType, inputs }: Node): boolean =>
    opType === 'QuantizeLinear' && inputs[0] === name;
const makes =
  (name: string) =>
  ({ opType, outputs }: Node): boolean =>
    opType === 'DequantizeLinear' && outputs[0] === name;

/** [(qmin − z)·s, (qmax − z)·s]; undefined for what is no quantiser with constant, per-tensor parameters. */
function quantizerRange(graph: Graph, node: Node | undefined): Range | undefined {
  const [scale, zeroPoint] = [1, 2].map((index) => constantTensor(graph, node?.inputs[index] ?? ''));
  if (scale?.data.length !== 1 || zeroPoint?.data.length !== 1) return undefined;
  const range = (integerRanges as Record<string, Range | undefined>)[zeroPoint.type];
  const [s, z] = [Number(scale.data[0]), Number(zeroPoint.data[0])];
  return range && { min: (range.min - z) * s, max: (range.max - z) * s };
}

function rangeOf(tensors: readonly Tensor[]): Range {
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { data } of tensors)
    for (const value of data) [min, max] = [Math.min(min, Number(value)), Math.max(max, Number(value))];
  return { min, max };
}
