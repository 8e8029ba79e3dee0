/**
 * A model ready to run. A thin layer over ONNX Runtime: tensors in and out are plain records, errors are ours, and
 * nothing is checked per call that was checked once. Releasing a session does not give all its memory back, so whoever opens many
 * of them does it in a process that ends.
 */
import { env, InferenceSession, Tensor as NativeTensor, type OnnxValue } from 'onnxruntime-node';
import type { Dim } from '../graph/model.ts';
import { type ElementType, elementTypes, type Feeds, type Tensor } from '../graph/tensor.ts';
import { engineError, loadingError } from './engine-error.ts';
import { nativeOptions, type SessionOptions } from './session-options.ts';

export type SessionValue = {
  readonly name: string;
  /** Undefined for what cannot be fed or read: strings, int4, sequences, maps. */
  readonly type: ElementType | undefined;
  /** Undefined when it is no tensor. */
  readonly dims: readonly Dim[] | undefined;
};

export type Session = {
  readonly inputs: readonly SessionValue[];
  readonly outputs: readonly SessionValue[];
  /**
   * One inference. Blocks the event loop until it is done, in spite of the promise.
   * @param outputs names of the wanted outputs; all when absent.
   * @param into tensors that these outputs are written into, instead of new ones; they must be of the very type and shape.
   * @throws ENGINE_FAILED, MODEL_UNSUPPORTED
   */
  run(feeds: Feeds, outputs?: readonly string[], into?: Feeds): Promise<Record<string, Tensor>>;
  /** Completes the profile file; only with `profilePrefix`. */
  endProfiling(): void;
  /** The session cannot run any more. */
  close(): Promise<void>;
};

/** Version of ONNX Runtime. */
export const engineVersion: string = env.versions.common;

/**
 * @param source a path (external data is found beside it) or the bytes of a model, which may be freed afterwards.
 * @throws FILE_NOT_FOUND, MODEL_INVALID, MODEL_UNSUPPORTED, ENGINE_FAILED
 */
export async function openSession(source: string | Uint8Array, options: SessionOptions = {}): Promise<Session> {
  const origin = typeof source === 'string' ? source : `a model of ${source.byteLength} bytes`;
  const session = await create(source, options, origin);
  const toError = (cause: unknown) => engineError(`running ${origin}`, cause);
  return {
    inputs: session.inputMetadata.map(valueFromMetadata),
    outputs: session.outputMetadata.map(valueFromMetadata),
    async run(feeds, outputs, into) {
      try {
        const native = nativeFeeds(feeds);
        if (outputs && into) return tensorsOf(await session.run(native, nativeFetches(outputs, into)));
        return tensorsOf(await (outputs ? session.run(native, outputs) : session.run(native)));
      } catch (cause) {
        throw toError(cause);
      }
    },
    endProfiling: () => session.endProfiling(),
    close: () => session.release(),
  };
}

async function create(source: string | Uint8Array, options: SessionOptions, origin: string): Promise<InferenceSession> {
  // Since 1.29 ONNX Runtime writes a device id to disk and reports its use to its maker over the network, unless this is
  // set when the process opens its first session.
  process.env.ORT_DISABLE_TELEMETRY = '1';
  try {
    const native = nativeOptions(options);
    // Two overloads, one call each.
    return await (typeof source === 'string'
      ? InferenceSession.create(source, native)
      : InferenceSession.create(source, native));
  } catch (cause) {
    throw await loadingError(source, origin, cause);
  }
}

function valueFromMetadata(metadata: InferenceSession.ValueMetadata): SessionValue {
  const { name } = metadata;
  if (!metadata.isTensor) return { name, type: undefined, dims: undefined };
  const type = metadata.type in elementTypes ? (metadata.type as ElementType) : undefined;
  // A size without a name comes as the empty string.
  return { name, type, dims: metadata.shape.map((size) => (size === '' ? null : size)) };
}

/**
 * The binding reads four properties and does not ask for its own class, whose constructor would refuse half-precision
 * bits in a `Uint16Array`, the only form in which the binding takes them.
 */
function nativeFeeds(feeds: Feeds): Record<string, OnnxValue> {
  const native: Record<string, unknown> = {};
  for (const name in feeds) {
    const { type, data, dims } = feeds[name] as Tensor;
    native[name] = { type, data, dims, location: 'cpu' };
  }
  return native as Record<string, OnnxValue>;
}

/** Unlike feeds, fetches must be of the binding's own class. */
function nativeFetches(outputs: readonly string[], into: Feeds): Record<string, NativeTensor | null> {
  return Object.fromEntries(
    outputs.map((name) => {
      const tensor = into[name];
      return [
        name,
        tensor ? new NativeTensor(tensor.type as 'float32', tensor.data as Float32Array, tensor.dims) : null,
      ];
    }),
  );
}

function tensorsOf(values: InferenceSession.OnnxValueMapType): Record<string, Tensor> {
  const tensors: Record<string, Tensor> = {};
  for (const name in values) {
    const { type, data, dims } = values[name] as OnnxValue & Tensor;
    tensors[name] = type === 'float16' ? { type, dims, data: bitsOf(data) } : ({ type, dims, data } as Tensor);
  }
  return tensors;
}

/** Half-precision values as their bits, whichever array holds them. */
function bitsOf({ buffer, byteOffset, length }: Tensor['data']): Uint16Array<ArrayBuffer> {
  return new Uint16Array(buffer as ArrayBuffer, byteOffset, length);
}
