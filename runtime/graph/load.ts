/**
 * Bytes → model. Everything about the bytes is checked here, once, so that the rest may trust what it gets; whether the
 * graph makes sense is `verifyGraph`'s question. Weights are views of the bytes, external data is read when asked for.
 */
import { dirname, resolve } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { type GraphProto, type ModelProto, ModelProtoSchema } from 'onnx-buf';
import { OctetError } from '../base/errors.ts';
import { readInput } from '../base/files.ts';
import { looksLike } from './foreign-file.ts';
import { modelFromMessage } from './messages.ts';
import type { Model } from './model.ts';
import { findWireFault } from './wire.ts';

export type ParseOptions = {
  /** The folder that external data is relative to; without it, reading external data fails. */
  readonly folder?: string;
  /** Where the bytes came from, for messages. */
  readonly origin?: string;
};

/** @throws FILE_NOT_FOUND, FILE_UNREADABLE, MODEL_INVALID */
export async function loadModel(path: string): Promise<Model> {
  const { buffer, byteOffset, byteLength } = await readInput(path, 'model');
  return parseModel(new Uint8Array(buffer, byteOffset, byteLength), { folder: dirname(resolve(path)), origin: path });
}

/**
 * @param bytes kept and viewed, not copied: do not change them afterwards.
 * @throws MODEL_INVALID for what is not ONNX, is cut short, or has names twice that must be unique.
 */
export function parseModel(bytes: Uint8Array, { folder, origin = 'model' }: ParseOptions = {}): Model {
  if (bytes.byteLength === 0) throw invalid(origin, 'an empty file');
  const message = decode(bytes, origin);
  const missing = whatIsMissing(message);
  if (missing) throw invalid(origin, looksLike(bytes) ?? `protobuf data without ${missing}`);
  return modelFromMessage(message as ModelProto & { graph: GraphProto }, { origin, folder });
}

function decode(bytes: Uint8Array, origin: string): ModelProto {
  const fault = findWireFault(ModelProtoSchema, bytes);
  if (fault) throw invalid(origin, looksLike(bytes) ?? `${fault} (${bytes.byteLength} bytes in all)`);
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw invalid(origin, looksLike(bytes) ?? (cause as Error).message, cause);
  }
}

function whatIsMissing({ graph, irVersion, opsetImport }: ModelProto): string | undefined {
  if (irVersion <= 0n) return 'an ir_version';
  if (!graph) return 'a graph';
  // Versions 1 and 2 of the format had no opset imports. Source: ONNX IR.md, "Opset import".
  return opsetImport.length === 0 && irVersion >= 3n ? 'an opset_import' : undefined;
}

function invalid(origin: string, got: string, cause?: unknown): OctetError {
  return new OctetError('MODEL_INVALID', `${origin}: expected an ONNX model, got ${got}`, {
    hint: 'Export the model again, or copy it again and compare sizes: ls -l shows them.',
    cause,
  });
}
