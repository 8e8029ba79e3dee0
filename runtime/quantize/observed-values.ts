/** Activations of one sample after the other, as they are: for observers that look at every value. */
import { OctetError } from '../base/errors.ts';
import { checkFeeds } from '../engine/check-feeds.ts';
import { openModel } from '../engine/open-model.ts';
import type { Session, SessionValue } from '../engine/session.ts';
import type { Model } from '../graph/model.ts';
import { elementCount, type Feeds, type Tensor } from '../graph/tensor.ts';
import { exposeValues } from './bodies/expose-values.ts';
import type { Range } from './numerics.ts';

/** What is shown of one tensor: its values, valid during the call only, or their extremes. Never empty. */
export type Show = (tensor: string, seen: Float32Array | Range) => void;

export type Activations = {
  /**
   * Runs one sample and shows each tensor that has values.
   * @throws DATA_MISMATCH, DATA_INVALID, MODEL_UNSUPPORTED, as `observe` says.
   */
  read(feeds: Feeds, sample: number, show: Show): Promise<void>;
  close(): Promise<void>;
};

/** Every activation as it is written: optimising would fuse some of them away. What a call used is given back after it. */
export const observingOptions = { level: 'disabled', arena: false } as const;

/** @param tensors names of float32 values of the model, of inputs and bodies too. @throws MODEL_UNSUPPORTED when they are too large. */
export async function openValues(model: Model, tensors: readonly string[]): Promise<Activations> {
  const { model: open, exposed } = exposeValues(model, tensors);
  const session = await openModel(open, observingOptions);
  checkSize(model, session.outputs);
  const outputs = [...new Set(exposed.values())];
  return {
    async read(feeds, sample, show) {
      if (sample === 0) checkFeeds(session.inputs, feeds);
      for (const name of tensors) if (name in feeds) showValues(name, feeds[name], sample, show);
      if (exposed.size === 0) return;
      const results = await session.run(feeds, outputs);
      for (const [name, output] of exposed) showValues(name, results[output], sample, show);
      release(results);
    },
    close: () => session.close(),
  };
}

/** @throws DATA_INVALID when a value is not finite; MODEL_UNSUPPORTED when it is no float32. */
export function showValues(name: string, tensor: Tensor | undefined, sample: number, show: Show): void {
  const values = checkedValues(name, tensor, sample);
  if (values.length > 0) show(name, values);
}

/** A sample’s activations are all in memory at once, and the runtime holds about three times as much while it works. */
const mostBytes = 2 ** 29;

/** Sizes that are known before running: a model that would fill the memory is refused rather than started. */
function checkSize({ origin }: Model, outputs: Session['outputs']): void {
  const known = outputs.map(({ dims }: SessionValue) =>
    (dims ?? []).map((size) => (typeof size === 'number' ? size : 1)),
  );
  const bytes = known.reduce((sum, dims) => sum + 4 * elementCount(dims), 0);
  if (bytes <= mostBytes) return;
  throw new OctetError(
    'MODEL_UNSUPPORTED',
    `${origin}: expected activations of one sample below ${mostBytes} bytes, got ${bytes}`,
    { hint: 'Calibrate with a smaller input or batch, or leave large layers out with --exclude.' },
  );
}

function checkedValues(name: string, tensor: Tensor | undefined, sample: number): Float32Array {
  if (tensor?.type !== 'float32')
    throw new OctetError('MODEL_UNSUPPORTED', `tensor "${name}": expected float32, got ${tensor?.type ?? 'nothing'}`);
  const { data } = tensor as Tensor<'float32'>;
  // A finite value minus itself is 0; NaN and infinity give NaN, which stays.
  let poison = 0;
  for (let i = 0; i < data.length; i++) poison += data[i]! - data[i]!;
  if (poison === 0) return data;
  const bad = data.find((value) => !Number.isFinite(value));
  throw new OctetError('DATA_INVALID', `sample ${sample}: tensor "${name}": expected finite values, got ${bad}`, {
    hint: 'Remove or repair the samples with NaN or infinity; ranges cannot be taken from them.',
  });
}

/** Gives memory back at once: the collector sees small objects, not what hangs on them, and would let many samples pile up. */
function release(results: Readonly<Record<string, Tensor>>): void {
  for (const { data } of Object.values(results)) (data.buffer as ArrayBuffer).transfer(0);
}
