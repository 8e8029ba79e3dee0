/**
 * `npm run peers [-- model…]`: the reference quantiser on every model of the bench, in every setting, next to Octet with the same
 * recipe: time and peak memory of each calibration, from one run; and LiteRT's files of the models of MLPerf Tiny. All stays in the cache,
 * where `npm run bench:quantize` finds it and measures both sides' latency and accuracy.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pico from 'picocolors';
import { type BenchCase, calibrationCount, fileNameOf } from '../bench/quantize/bench-case.ts';
import { writeCaseData } from '../bench/quantize/case-data.ts';
import { chooseCases } from '../bench/quantize/cases.ts';
import { runQuantize } from '../bench/quantize/octet-process.ts';
import { type Folders, peersFolder, type ReferenceSetting } from '../bench/quantize/variants.ts';
import { prepareEnvironment } from './environment.ts';
import { convertToLiteRt, liteRtBatches } from './litert.ts';
import { type ReferenceRun, runReference } from './reference.ts';

/** Words of reference.py, by setting. */
const settings: Readonly<Record<ReferenceSetting, readonly string[]>> = {
  'static-u8s8': ['static', '--activation', 'u8', '--method', 'MinMax'],
  'static-u8s8-entropy': ['static', '--activation', 'u8', '--method', 'Entropy'],
  'static-u8s8-percentile': ['static', '--activation', 'u8', '--method', 'Percentile'],
  'static-s8s8': ['static', '--activation', 's8', '--method', 'MinMax'],
  'static-s8s8-entropy': ['static', '--activation', 's8', '--method', 'Entropy'],
  'static-s8s8-percentile': ['static', '--activation', 's8', '--method', 'Percentile'],
  dynamic: ['dynamic'],
};

const cases = chooseCases(process.argv.slice(2));
const models = join(peersFolder, 'models');
const work = await mkdtemp(join(tmpdir(), 'octet-peers-'));
try {
  await prepareEnvironment('venv');
  await mkdir(models, { recursive: true });
  for (const bench of cases) {
    const folders = await writeCaseData(bench, join(work, fileNameOf(bench)));
    const minMax = await makeReferenceModels(bench, folders);
    await compareBySameRecipe(bench, folders, minMax);
    if (bench.name in liteRtBatches)
      console.log(`  ${'LiteRT float, int8'.padEnd(34)} ${await makeLiteRt(bench, folders)}`);
    console.log();
  }
} finally {
  await rm(work, { recursive: true, force: true });
}

/** @returns what its plainest static setting cost; undefined where it failed. */
async function makeReferenceModels(bench: BenchCase, { calibration }: Folders): Promise<ReferenceRun | undefined> {
  const pathOf = (setting: string) => join(models, `${fileNameOf(bench)}.${setting}.onnx`);
  const folded = pathOf('folded');
  await runReference(['fold', bench.modelPath, folded]);
  let minMax: ReferenceRun | undefined;
  console.log(`${pico.bold(bench.name)}  reference, ${calibrationCount} samples`);
  for (const [setting, [action, ...words]] of Object.entries(settings) as [ReferenceSetting, string[]][]) {
    const data = action === 'static' ? ['--data', calibration, '--samples', `${calibrationCount}`] : [];
    const from = (path: string) => runReference([action!, path, pathOf(setting), ...data, ...words]);
    const first = await from(folded);
    // What it cannot do with the folded model it may do with the model as it is.
    const run = 'reason' in first ? await from(bench.modelPath) : first;
    if ('reason' in run) {
      await rm(pathOf(setting), { force: true });
      console.log(`  ${setting.padEnd(34)} ${pico.yellow(run.reason)}`);
      continue;
    }
    if (setting === 'static-u8s8') minMax = run;
    console.log(costLine(setting, run, `${run.callS.toFixed(2)} s in the call`));
  }
  return minMax;
}

/** LiteRT is a large download that not every machine can have: without it the bench cites what is published. */
async function makeLiteRt(bench: BenchCase, { calibration }: Folders): Promise<string> {
  try {
    await prepareEnvironment('litert-venv');
  } catch (error) {
    return pico.yellow((error as Error).message);
  }
  const made = await convertToLiteRt(bench, calibration);
  if ('reason' in made) return pico.yellow(made.reason);
  return `made; the float one answers within ${made.difference.toExponential(1)} of the ONNX model`;
}

async function compareBySameRecipe(
  bench: BenchCase,
  { calibration }: Folders,
  theirs: ReferenceRun | undefined,
): Promise<void> {
  const out = join(work, `${fileNameOf(bench)}.same-recipe.onnx`);
  const ours = await runQuantize(bench.modelPath, out, ['--recipe', 'static', '--data', calibration]);
  if (!ours.ok) return console.log(`  ${'octet static min-max'.padEnd(34)} ${pico.yellow(ours.reason)}`);
  const ratio =
    theirs &&
    `${(ours.wallS / theirs.wallS).toFixed(2)} × the time, ${(ours.peakBytes / theirs.peakBytes).toFixed(2)} × the memory of static-u8s8`;
  console.log(costLine('octet static min-max', ours, ratio ?? ''));
}

function costLine(name: string, { wallS, peakBytes }: { wallS: number; peakBytes: number }, more: string): string {
  return `  ${name.padEnd(34)} ${wallS.toFixed(2).padStart(7)} s ${(peakBytes / 2 ** 20).toFixed(0).padStart(6)} MiB  ${pico.dim(more)}`;
}
