/** The search's own process: ONNX Runtime may crash on a form that nobody has run before, and keeps memory of each that it ran. */
import { endWithParent } from '../../base/children.ts';
import { errorRecordFrom } from '../../base/errors.ts';
import { openSamples } from '../../data/open-samples.ts';
import { modelInputs, prepareModel } from '../prepare/prepare.ts';
import { type AutoResult, quantizeAuto } from './auto.ts';
import type { AutoEvent, AutoRequest } from './auto-messages.ts';

/** Serves one request of the parent process, then ends the process. */
export async function main(): Promise<void> {
  endWithParent();
  // Ctrl-C reaches every process of a terminal; the parent decides what it means.
  process.on('SIGINT', () => undefined);
  const request = await new Promise<AutoRequest>((resolve) => process.once('message', resolve));
  try {
    await send({ kind: 'result', result: await search(request) });
  } catch (error) {
    await send({ kind: 'failed', error: errorRecordFrom(error) });
  }
  process.disconnect();
}

async function search({ modelPath, data, about, options, known, crashes }: AutoRequest): Promise<AutoResult> {
  const samples = await openSamples(data, { ...about, inputs: modelInputs(await prepareModel(modelPath)) });
  const tell = (event: AutoEvent) => void send(event);
  return quantizeAuto(modelPath, samples, {
    ...options,
    onProgress: (fraction, detail) => tell({ kind: 'progress', fraction, detail }),
    journal: {
      known,
      crashes,
      begin: (attempt) => send({ kind: 'begin', attempt }),
      found: (contender) => tell({ kind: 'found', contender }),
    },
  });
}

function send(event: AutoEvent): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send?.(event, (error: Error | null) => (error ? reject(error) : resolve()));
  });
}
