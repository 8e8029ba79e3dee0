/**
 * A model of any size as two files: the graph, and its weights beside it, copied tensor by tensor. For models beyond protobuf's 2 GiB,
 * and for those that must not be in memory a second time.
 */
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { TensorProto_DataLocation as DataLocation, StringStringEntryProtoSchema, TensorProtoSchema } from 'onnx-buf';
import { writeError } from '../base/files.ts';
import { chunksOf, expectedBytes, isRaw } from './initializer.ts';
import { mapTensors } from './map-tensors.ts';
import type { Model, StoredTensor } from './model.ts';
import { encodeModel } from './save.ts';

/** What is smaller stays in the graph: shapes and scales that are read when the model is loaded. */
const leastBytes = 1024;

/** Writes `path` and `path.data`. Weights in files are copied in pieces, never held. @throws DISK_FULL, WRITE_FAILED, and what reading weights throws. */
export function saveModelWithData(model: Model, path: string): void {
  const dataPath = `${path}.data`;
  try {
    const file = openSync(dataPath, 'w');
    try {
      writeFileSync(path, encodeModel(moveWeights(model, file, path), { external: 'keep' }));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw writeError(path, error);
  }
}

function moveWeights(model: Model, file: number, path: string): Model {
  const folder = dirname(resolve(path));
  let offset = 0;
  return mapTensors(model, (tensor) => {
    if ((expectedBytes(tensor) ?? 0) < leastBytes || !isRaw(tensor)) return tensor;
    const length = copyTo(file, chunksOf(tensor));
    const place = { location: `${basename(path)}.data`, offset, length };
    offset += length;
    return reference(tensor, folder, place);
  });
}

function reference(
  tensor: StoredTensor,
  folder: string,
  place: Readonly<Record<string, string | number>>,
): StoredTensor {
  const { name, dataType, dims } = tensor.source;
  const externalData = Object.entries(place).map(([key, value]) =>
    create(StringStringEntryProtoSchema, { key, value: String(value) }),
  );
  const source = create(TensorProtoSchema, { name, dataType, dims, dataLocation: DataLocation.EXTERNAL, externalData });
  return { ...tensor, folder, source };
}

/** @returns how many bytes. One write takes 2 GiB at most. */
function copyTo(file: number, chunks: Iterable<Uint8Array>): number {
  let total = 0;
  for (const bytes of chunks) {
    for (let done = 0; done < bytes.byteLength; )
      done += writeSync(file, bytes, done, Math.min(2 ** 30, bytes.byteLength - done));
    total += bytes.byteLength;
  }
  return total;
}
