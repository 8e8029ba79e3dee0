/** Inspecting as a function of a program: one model, or two side by side. */
import { loadModel } from '../../graph/load.ts';
import type { CompareOptions } from '../inspect/compare-models.ts';
import { inspectModel, type ModelReport } from '../inspect/inspect-model.ts';
import { inspectPair, type PairReport } from '../inspect/inspect-pair.ts';
import { modelInputs } from '../prepare/prepare.ts';
import type { FullReport } from '../report/full-report.ts';
import { reportPair } from '../report/report-pair.ts';
import { type DataSource, samplesFrom } from './data-source.ts';

export type InspectOptions = {
  /** A model made from the first one: the report then tells the error of each layer. Needs data. */
  readonly quantized?: string;
  /** What to run on. For one model it only settles shapes, and synthetic inputs do when there is none. */
  readonly data?: DataSource;
  /** At most so many samples, spread evenly over the data. Default 64. */
  readonly samples?: number;
} & CompareOptions;

/** @see inspect */
export async function inspect(
  model: string,
  options?: InspectOptions & { readonly quantized?: never },
): Promise<ModelReport>;
export async function inspect(
  model: string,
  options: InspectOptions & { readonly quantized: string; readonly data: DataSource; readonly report: string },
): Promise<FullReport>;
export async function inspect(
  model: string,
  options: InspectOptions & { readonly quantized: string; readonly data: DataSource },
): Promise<PairReport>;
/**
 * What a model is: operators, weights and multiply-adds by node, and what quantising would make of it. With `quantized`: SQNR
 * (decibel), cosine, largest error and share of values cut off for each layer in order of execution, and the first layer
 * that goes wrong. With `report` also the latency of both, measured, and one HTML page.
 *
 * ```ts
 * const { finding, layers } = await inspect('model.onnx', { quantized: 'int8.onnx', data: 'test.npz' });
 * console.log(finding.sentence);
 * ```
 *
 * @throws FILE_*, MODEL_INVALID, MODEL_UNSUPPORTED, DATA_*; the signal's reason. Opens sessions: a long-lived process leaves
 * it to a child.
 */
export async function inspect(
  model: string,
  { quantized, data, samples: most = 64, report, ...options }: InspectOptions & { readonly report?: string } = {},
): Promise<ModelReport | PairReport | FullReport> {
  const samples = data === undefined ? undefined : await samplesFrom(data, modelInputs(await loadModel(model)), most);
  if (quantized === undefined || samples === undefined) return inspectModel(model, await samples?.feeds(0));
  return report === undefined
    ? inspectPair(model, quantized, samples, options)
    : reportPair(model, quantized, samples, { ...options, path: report });
}
