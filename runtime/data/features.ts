/**
 * From a window to the model's input: through `features.onnx` when there is one, as it is otherwise. The runner and the
 * calibration share this code, so that a model is calibrated on exactly what it will see.
 */
import { OctetError } from '../base/errors.ts';
import { openSession, type Session, type SessionValue } from '../engine/session.ts';
import type { Feeds, Tensor } from '../graph/tensor.ts';
import { describeInput, sampleDims } from './model-input.ts';
import { type Pipeline, sampleWidth } from './pipeline.ts';

export type Features = {
  /** The model's inputs for one window, [samples, channels] row-major. */
  feeds(window: Float32Array): Promise<Feeds>;
  close(): Promise<void>;
};

export type FeaturesOptions = {
  /** What the model takes. */
  readonly inputs: readonly SessionValue[];
  readonly pipeline: Pipeline;
  readonly featuresPath?: string | undefined;
};

/** @throws DATA_MISMATCH when a window does not fit `features.onnx`, or its outputs do not fit the model. */
export async function openFeatures({ inputs, pipeline, featuresPath }: FeaturesOptions): Promise<Features> {
  const dims = [pipeline.window.samples, sampleWidth(pipeline)];
  if (featuresPath === undefined) {
    const asInput = windowInput(inputs, dims, 'the model');
    return { feeds: async (window) => asInput(window), close: async () => {} };
  }
  const session = await openSession(featuresPath);
  const asWindow = windowInput(session.inputs, dims, featuresPath);
  const outputFor = matchOutputs(session, inputs, featuresPath);
  return {
    async feeds(window) {
      const outputs = await session.run(asWindow(window));
      return Object.fromEntries(outputFor.map(([input, output]) => [input, outputs[output] as Tensor]));
    },
    close: () => session.close(),
  };
}

/** A window as the only input of `who`. */
function windowInput(
  inputs: readonly SessionValue[],
  dims: readonly number[],
  who: string,
): (window: Float32Array) => Feeds {
  const [input] = inputs;
  const fed = input && inputs.length === 1 ? sampleDims(input, 'float32', dims) : undefined;
  if (input && fed)
    return (data) => ({ [input.name]: { type: 'float32', dims: fed, data: data as Float32Array<ArrayBuffer> } });
  throw new OctetError(
    'DATA_MISMATCH',
    `${who}: expected one input that takes a window, float32 [${dims.join(', ')}], got ${inputs.map(describeInput).join('; ')}`,
    { hint: 'Add features.onnx (window → model input) to the model, or make the pipeline fit the model.' },
  );
}

/** Pairs of model input and features output: by name, or because there is one of each. */
function matchOutputs(session: Session, inputs: readonly SessionValue[], path: string): [string, string][] {
  const { outputs } = session;
  const only = inputs.length === 1 && outputs.length === 1 ? outputs[0] : undefined;
  return inputs.map((input) => {
    const output = outputs.find(({ name }) => name === input.name) ?? only;
    if (output && output.type === input.type) return [input.name, output.name];
    throw new OctetError(
      'DATA_MISMATCH',
      `${path}: expected an output ${describeInput(input)}, got ${outputs.map(describeInput).join('; ')}`,
    );
  });
}
