/** Calibration as a step of its own: its result is a plain record that can be stored, looked at, changed and used again. */
import { z } from 'zod';
import { sha256OfFile } from '../../base/files.ts';
import { engineVersion } from '../../engine/session.ts';
import type { CustomObserver } from '../observe.ts';
import { modelInputs, prepareModel } from '../prepare/prepare.ts';
import { observeFor, type QuantizeOptions } from '../quantize.ts';
import { type observerNames, staticSchema } from '../recipe.ts';
import { type DataSource, samplesFrom } from './data-source.ts';

const rangeSchema = z.strictObject({ min: z.number(), max: z.number() });

/** What `calibrate` gives and `quantize` takes; survives JSON as it is. */
export const calibrationSchema = z.strictObject({
  /** SHA-256 of the float model: ranges are of no use to another one. */
  modelSha256: z.string(),
  /** `onnxruntime 1.30.0 x64`. */
  engine: z.string(),
  observer: z.string(),
  samples: z.number().int().positive(),
  description: z.string(),
  /** By tensor of the folded model. */
  ranges: z.record(z.string(), rangeSchema),
});

export type Calibration = z.output<typeof calibrationSchema>;

export type CalibrateOptions = {
  /** One of the observers by name, or one of your own. Default `min-max`. */
  readonly observer?: (typeof observerNames)[number] | CustomObserver;
  /** At most so many samples, spread evenly over the data. Default: all. */
  readonly samples?: number;
} & Pick<QuantizeOptions, 'onProgress' | 'signal'>;

/**
 * Runs the float model on the data, one sample at a time, and takes a range of each tensor that could become int8. Memory does not
 * grow with the number of samples.
 *
 * ```ts
 * const calibration = await calibrate('model.onnx', 'calibration.npz', { observer: 'mse' });
 * await writeFile('calibration.json', JSON.stringify(calibration));
 * ```
 *
 * @param model path of a float32 ONNX model.
 * @throws FILE_*, MODEL_INVALID, MODEL_UNSUPPORTED; DATA_INVALID naming the sample and tensor that is NaN or infinite;
 * DATA_MISMATCH when the data does not fit; the signal's reason. Opens a session: a long-lived process leaves it to a child.
 */
export async function calibrate(
  model: string,
  data: DataSource,
  { observer = 'min-max', samples: most, onProgress, signal }: CalibrateOptions = {},
): Promise<Calibration> {
  const prepared = await prepareModel(model);
  const samples = await samplesFrom(data, modelInputs(prepared), most);
  const named = typeof observer === 'string';
  const recipe = staticSchema.parse({ kind: 'static', ...(named ? { observer } : {}) });
  const observation = await observeFor(prepared, [recipe], samples, {
    ...(named ? {} : { observer }),
    ...(onProgress ? { onProgress } : {}),
    ...(signal ? { signal } : {}),
  });
  const name = named ? observer : observer.name;
  return {
    modelSha256: await sha256OfFile(model),
    engine: `onnxruntime ${engineVersion} ${process.arch}`,
    observer: name,
    samples: samples.count,
    description: samples.description,
    ranges: Object.fromEntries(observation.get(name) ?? []),
  };
}
