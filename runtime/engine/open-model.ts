/** A session on a model that is in hand: from its bytes, or, when it is large, from files that are gone once it is loaded. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expectedBytes } from '../graph/initializer.ts';
import { mapTensors } from '../graph/map-tensors.ts';
import type { Model } from '../graph/model.ts';
import { encodeModel } from '../graph/save.ts';
import { saveModelWithData } from '../graph/save-external.ts';
import { openSession, type Session } from './session.ts';
import { type SessionOptions, withoutPrepacking } from './session-options.ts';

/**
 * From bytes, ONNX Runtime has a model three times while it loads: the bytes, their messages, its tensors. Weights in a file it maps.
 * Below this, bytes are quicker than files.
 */
const mostInMemory = 2 ** 24;

/** @throws what `openSession` and saving throw. */
export async function openModel(model: Model, options: SessionOptions = {}): Promise<Session> {
  if (weightBytes(model) < mostInMemory) return openSession(encodeModel(model), options);
  const folder = await mkdtemp(join(tmpdir(), 'octet-model-'));
  try {
    const path = join(folder, 'model.onnx');
    saveModelWithData(model, path);
    // Prepacked weights would be a second copy of them.
    return await openSession(path, { ...options, config: { ...withoutPrepacking, ...options.config } });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Bytes of all tensors, wherever they are stored; none is read. */
export function weightBytes(model: Model): number {
  let bytes = 0;
  mapTensors(model, (tensor) => {
    bytes += expectedBytes(tensor) ?? tensor.source.rawData.byteLength;
    return tensor;
  });
  return bytes;
}
