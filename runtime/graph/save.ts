/** Model → bytes and files. The same model always gives the same bytes: fields go out in the order of their numbers. */
import { dirname, resolve } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { TensorProto_DataLocation as DataLocation, ModelProtoSchema, TensorProtoSchema } from 'onnx-buf';
import { OctetError } from '../base/errors.ts';
import { sha256Of, writeFileAtomic } from '../base/files.ts';
import { bytesOf } from './initializer.ts';
import { mapTensors } from './map-tensors.ts';
import { modelToMessage } from './messages.ts';
import type { Model, StoredTensor } from './model.ts';

export type EncodeOptions = {
  /** `embed` (default) takes external data into the bytes, which then stand alone; `keep` leaves the references. */
  readonly external?: 'embed' | 'keep';
};

/** @throws MODEL_UNSUPPORTED beyond 2 GiB, protobuf's limit; what reading external data throws. */
export function encodeModel(model: Model, { external = 'embed' }: EncodeOptions = {}): Uint8Array {
  const complete = external === 'embed' ? mapTensors(model, embed) : model;
  try {
    return toBinary(ModelProtoSchema, modelToMessage(complete));
  } catch (cause) {
    throw new OctetError('MODEL_UNSUPPORTED', `${model.origin}: expected a model below 2 GiB, got ${String(cause)}`, {
      cause,
    });
  }
}

/**
 * Writes the model so that a crash leaves the old file or the new one. References to external data are kept when the
 * file lands in the folder they are relative to, otherwise the data is embedded.
 * @throws DISK_FULL, WRITE_FAILED, and what `encodeModel` throws.
 */
export async function saveModel(model: Model, path: string): Promise<{ sha256: string; sizeBytes: number }> {
  const folder = dirname(resolve(path));
  const bytes = encodeModel(
    mapTensors(model, (tensor) => (tensor.folder === folder ? tensor : embed(tensor))),
    { external: 'keep' },
  );
  await writeFileAtomic(path, bytes);
  return { sha256: sha256Of(bytes), sizeBytes: bytes.byteLength };
}

function embed(tensor: StoredTensor): StoredTensor {
  if (tensor.source.dataLocation !== DataLocation.EXTERNAL) return tensor;
  const { externalData, dataLocation, ...rest } = tensor.source;
  const rawData = new Uint8Array(bytesOf(tensor));
  return { ...tensor, folder: undefined, source: Object.assign(create(TensorProtoSchema), rest, { rawData }) };
}
