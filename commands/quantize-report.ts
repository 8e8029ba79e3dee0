/** `octet quantize … --report F.html`: the page about what was just written. */
import { OctetError } from '../runtime/base/errors.ts';
import { openSamples } from '../runtime/data/open-samples.ts';
import { evenly } from '../runtime/data/samples.ts';
import { loadModel } from '../runtime/graph/load.ts';
import { modelInputs } from '../runtime/quantize/prepare/prepare.ts';
import type { ReportOptions } from '../runtime/quantize/report/report-pair.ts';
import type { ModelArgument } from './model-argument.ts';

/** Enough for stable figures; more would only take longer. */
const samples = 64;

type Options = { readonly data: readonly string[]; readonly output: string; readonly report?: string };

/** Asked before the work starts: a report compares both models on data, also when the recipe needs none. */
export function refuseReportWithoutData({ data, report }: Options): void {
  if (report === undefined || data.length > 0) return;
  throw new OctetError('USAGE', '--report: expected data to compare both models on, got none', {
    hint: 'Add --data DATA.npz (any inputs that the model really sees).',
  });
}

/** Nothing without `--report`. */
export async function writeReport(
  argument: ModelArgument,
  { data, output, report }: Options,
  running: Pick<ReportOptions, 'onProgress' | 'signal'>,
): Promise<void> {
  if (report === undefined) return;
  const { reportPair } = await import('../runtime/quantize/report/report-pair.ts');
  const inputs = modelInputs(await loadModel(argument.modelPath));
  const chosen = evenly(await openSamples(data, { ...argument, inputs }), samples);
  await reportPair(argument.modelPath, output, chosen, { ...running, path: report });
}
