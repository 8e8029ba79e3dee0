/**
 * The models that quantising is measured on, and where their data comes from. Every case gives a calibration set and a test set
 * that share nothing; a model without data of its own gets seeded noise, which its `note` says.
 */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { bundledFolder } from '../../../models/bundled.ts';
import { readManifest } from '../../../models/manifest.ts';
import { readJson } from '../../../runtime/base/json.ts';
import { openSamples } from '../../../runtime/data/open-samples.ts';
import type { Task } from '../../../runtime/data/pipeline.ts';
import { evenly, type Samples } from '../../../runtime/data/samples.ts';
import { openSession } from '../../../runtime/engine/session.ts';
import { dataFolder } from '../../runtime/quantize/reference.ts';
import { noise } from '../../runtime/quantize/small-models.ts';
import { type BenchCase, calibrationCount } from './bench-case.ts';
import { sileroCases } from './silero.ts';

/** Those whose files are here, and whose names contain one of these words; all without words. */
export function chooseCases(words: readonly string[]): BenchCase[] {
  const isWanted = ({ name }: BenchCase) => words.length === 0 || words.some((word) => name.includes(word));
  const cases = [
    npzCase('fashion/dscnn', 'calibration.npz'),
    npzCase('fashion/resnet8', 'calibration.npz'),
    npzCase('digits/dscnn', 'calibration.npz'),
    npzCase('digits/lstm', 'calibration.npz'),
    npzCase('digits/transformer', 'calibration.npz'),
    npzCase('gestures/cnn1d', 'train.npz'),
    noiseCase('mlperf-tiny/resnet8', 'classify', [32, 32, 3], (value) => 127.5 * (value + 1)),
    noiseCase('mlperf-tiny/anomaly-autoencoder', 'reconstruct', [640], (value) => 3 * value),
    ...sileroCases(),
    watchCase(),
  ];
  return cases.filter((bench) => existsSync(bench.modelPath) && isWanted(bench));
}

function npzCase(name: string, calibrationFile: string): BenchCase {
  const modelPath = join(dataFolder, `${name}.onnx`);
  const folder = join(dataFolder, name.split('/')[0]!);
  const open = async () => {
    const { inputs } = await openSession(modelPath);
    const all = await openSamples(join(folder, calibrationFile), { inputs });
    const test = await openSamples(join(folder, 'test.npz'), { inputs });
    // The first ones: the reference's own models were calibrated on them, too.
    return { calibration: firstOf(all, calibrationCount), all, test };
  };
  return { name, modelPath, task: 'classify', open };
}

const noiseTests = 256;

/** Seeded noise says how fast a model is and how far int8 strays from float32; it says nothing about accuracy on real data. */
function noiseCase(
  name: string,
  task: Task['kind'],
  dims: readonly number[],
  scaled: (value: number) => number,
): BenchCase {
  const modelPath = join(dataFolder, `${name}.onnx`);
  const draw = (seed: number) => {
    const tensor = noise([1, ...dims], seed * 7919);
    return { ...tensor, data: tensor.data.map(scaled) };
  };
  const samplesFrom = (first: number, count: number): Samples => ({
    count,
    labels: undefined,
    feeds: async (index) => ({ input: draw(first + index) }),
    description: `${count} samples of seeded noise`,
  });
  const open = async () => ({
    calibration: samplesFrom(1, calibrationCount),
    all: samplesFrom(1, 2 * calibrationCount),
    test: samplesFrom(1 + 2 * calibrationCount, noiseTests),
  });
  return { name, modelPath, task, open, note: 'seeded noise for data' };
}

function firstOf(samples: Samples, count: number): Samples {
  return {
    ...samples,
    count,
    labels: samples.labels?.slice(0, count),
    description: `the first ${count} of ${samples.description}`,
  };
}

const people = z.array(z.string());
const splitSchema = z.object({ train: people, validation: people, test: people });

/** The bundled model on the people that it was not trained on, calibrated on those that it was. */
function watchCase(): BenchCase {
  const folder = bundledFolder('watch-exercise');
  const modelPath = join(folder, 'model.onnx');
  const open = async () => {
    const { task, pipeline, featuresPath } = await readManifest(folder);
    const { inputs } = await openSession(modelPath);
    const options = { inputs, task, pipeline, ...(featuresPath === undefined ? {} : { featuresPath }) };
    const recordings = join(folder, 'recordings');
    const names = await readdir(recordings);
    const split = await readJson(join(recordings, 'split.json'), splitSchema, { code: 'DATA_INVALID', what: 'split' });
    const samplesOf = (wanted: readonly string[]) => {
      const chosen = names.filter((name) => wanted.includes(name.split('-')[0]!)).sort();
      return openSamples(
        chosen.map((name) => join(recordings, name)),
        options,
      );
    };
    const all = await samplesOf(split.train);
    // Spread, because the first ones are of one person and one exercise.
    return {
      calibration: evenly(all, calibrationCount),
      all,
      test: await samplesOf([...split.validation, ...split.test]),
    };
  };
  return { name: 'watch-exercise', modelPath, task: 'classify', open };
}
