/**
 * Section `accuracy`: what each accuracy method brings on labelled models, in static int8 and with 4-bit weights (emulated, where
 * methods show more), on data that did not calibrate.
 */
import pico from 'picocolors';
import type { Samples } from '../../../runtime/data/samples.ts';
import { openSession, type Session } from '../../../runtime/engine/session.ts';
import { encodeModel } from '../../../runtime/graph/save.ts';
import type { Tensor } from '../../../runtime/graph/tensor.ts';
import { argmax } from '../../../runtime/measure/decide.ts';
import { type OutputError, outputErrorMeter } from '../../../runtime/quantize/accuracy/output-error.ts';
import { prepareModel } from '../../../runtime/quantize/prepare/prepare.ts';
import { buildVariant, observeFor } from '../../../runtime/quantize/quantize.ts';
import { type StaticRecipe, staticSchema } from '../../../runtime/quantize/recipe.ts';
import { emulateFewBits } from '../../runtime/quantize/accuracy/few-bits.ts';
import type { BenchRow } from '../sections.ts';
import { chooseCases } from './cases.ts';

const methods: Readonly<Record<string, Partial<StaticRecipe>>> = {
  'min-max': {},
  'moving-average': { observer: 'moving-average' },
  percentile: { observer: 'percentile' },
  entropy: { observer: 'entropy' },
  mse: { observer: 'mse' },
  equalize: { equalize: true },
  'absorb-bias': { equalize: true, absorbBias: true },
  'mse-weights': { weightRange: 'mse' },
  reconstruct: { rounding: 'reconstruct' },
  'correct-bias': { biasCorrection: true },
  'equalize, correct-bias': { equalize: true, biasCorrection: true },
  'reconstruct, correct-bias': { rounding: 'reconstruct', biasCorrection: true },
  'mse, equalize, correct-bias': { observer: 'mse', equalize: true, biasCorrection: true },
  'the same, reconstruct': { observer: 'mse', equalize: true, biasCorrection: true, rounding: 'reconstruct' },
};

const models = ['fashion/dscnn', 'fashion/resnet8', 'digits/dscnn', 'gestures/cnn1d'];
const maxTests = 2000;

type Judged = OutputError & { readonly top1: number };

export async function benchAccuracy(_work: string, words: readonly string[]): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const bench of chooseCases(words).filter(({ name }) => models.includes(name))) {
    const { calibration, test } = await bench.open();
    const unseen = { ...test, count: Math.min(test.count, maxTests) };
    const model = await prepareModel(bench.modelPath);
    const exact = await openSession(encodeModel(model));
    const judge = async (bytes: Uint8Array) => judged(exact, await openSession(bytes), unseen);
    console.log(`${pico.bold(bench.name)}  ${pico.dim(`float32 ${percent((await judge(encodeModel(model))).top1)}`)}`);
    for (const perChannel of [true, false]) {
      const byMethod = new Map<string, Judged>();
      for (const [label, settings] of Object.entries(methods)) {
        const recipe = staticSchema.parse({ kind: 'static', perChannel, ...settings });
        const observation = await observeFor(model, [recipe], calibration);
        const built = await buildVariant(model, recipe, calibration, observation);
        if (!built.ok) throw new Error(built.reason);
        const int8 = await judge(built.bytes);
        const int4 = await judge(encodeModel(await emulateFewBits(model, recipe, calibration, 4)));
        byMethod.set(label, int8);
        console.log(
          `  ${perChannel ? 'channel' : 'tensor '} ${label.padEnd(30)} int8 ${figures(int8)}   int4 ${figures(int4)}`,
        );
      }
      rows.push(gainRow(`${bench.name}, ${perChannel ? 'per channel' : 'per tensor'}`, byMethod));
    }
  }
  return rows;
}

function gainRow(name: string, byMethod: ReadonlyMap<string, Judged>): BenchRow {
  const value = byMethod.get('mse, equalize, correct-bias')!.sqnrDb - byMethod.get('min-max')!.sqnrDb;
  return { name: `${name}: noise that free methods take from int8`, value, unit: 'dB', target: '≥ 2', ok: value >= 2 };
}

async function judged(exact: Session, quantized: Session, samples: Samples): Promise<Judged> {
  const meter = outputErrorMeter();
  let hits = 0;
  for (let index = 0; index < samples.count; index++) {
    const feeds = await samples.feeds(index);
    const [a, b] = [Object.values(await exact.run(feeds)), Object.values(await quantized.run(feeds))] as [
      [Tensor<'float32'>],
      [Tensor<'float32'>],
    ];
    meter.add(a[0].data, b[0].data);
    hits += Number(argmax(b[0].data) === samples.labels?.[index]);
  }
  await quantized.close();
  return { ...meter.error(), top1: hits / samples.count };
}

function figures({ top1, changed, sqnrDb }: Judged): string {
  return `${percent(top1)}, agrees ${percent(1 - changed)}, ${sqnrDb.toFixed(1).padStart(4)} dB`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2).padStart(6)} %`;
}
