/**
 * A training's state as one file that a power cut leaves old or new, never half. The form is safetensors: the length of a JSON
 * header, the header, the tensors' bytes; so other programs can read the weights. A digest tells damage.
 */
import { z } from 'zod';
import { OctetError } from '../../base/errors.ts';
import { readInput, sha256Of, writeFileAtomic } from '../../base/files.ts';
import { parseJson } from '../../base/json.ts';
import { elementCount, type Tensor } from '../../graph/tensor.ts';

export type Checkpoint = {
  /** Steps done. */
  readonly step: number;
  /** What was trained how: a checkpoint of another training is refused. */
  readonly training: string;
  readonly tensors: ReadonlyMap<string, Tensor<'float32'>>;
};

const entrySchema = z.object({
  dtype: z.literal('F32'),
  shape: z.array(z.number().int().nonnegative()),
  data_offsets: z.tuple([z.number().int().nonnegative(), z.number().int().nonnegative()]),
});

const metadataSchema = z.object({ step: z.string().regex(/^\d+$/), training: z.string(), sha256: z.string() });

const headerSchema = z.object({ __metadata__: metadataSchema }).catchall(entrySchema);

/** @throws DISK_FULL, WRITE_FAILED; the old file then stays. */
export async function writeCheckpoint(path: string, { step, training, tensors }: Checkpoint): Promise<void> {
  let offset = 0;
  const entries = [...tensors].map(([name, { dims, data }]) => {
    const start = offset;
    offset += data.byteLength;
    return [name, { dtype: 'F32', shape: [...dims], data_offsets: [start, offset] }] as const;
  });
  const parts = [...tensors.values()].map(({ data }) => bytesOf(data));
  const metadata = { step: String(step), training, sha256: sha256Of(Buffer.concat(parts)) };
  const text = JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) });
  // Spaces bring the tensors to a multiple of eight bytes, as the format asks.
  const header = new TextEncoder().encode(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(header.byteLength), true);
  await writeFileAtomic(path, [length, header, ...parts]);
}

/** @throws FILE_NOT_FOUND; CHECKPOINT_INVALID for a damaged file. */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  const bytes = new Uint8Array(await readInput(path, 'checkpoint'));
  const view = new DataView(bytes.buffer);
  const headerEnd = bytes.byteLength < 8 ? Number.POSITIVE_INFINITY : 8 + Number(view.getBigUint64(0, true));
  if (headerEnd > bytes.byteLength) throw damaged(path, 'cut short');
  const text = new TextDecoder().decode(bytes.subarray(8, headerEnd));
  const { __metadata__: metadata, ...entries } = parseJson(text, headerSchema, {
    code: 'CHECKPOINT_INVALID',
    what: path,
  });
  const body = bytes.slice(headerEnd);
  if (sha256Of(body) !== metadata.sha256) throw damaged(path, 'changed since it was written');
  const tensors = Object.entries(entries).map(
    ([
      name,
      {
        shape,
        data_offsets: [start, end],
      },
    ]) => {
      if (end - start !== elementCount(shape) * 4 || end > body.byteLength) throw damaged(path, `without "${name}"`);
      return [name, { type: 'float32', dims: shape, data: new Float32Array(body.slice(start, end).buffer) }] as const;
    },
  );
  return { step: Number(metadata.step), training: metadata.training, tensors: new Map(tensors) };
}

function damaged(path: string, how: string): OctetError {
  return new OctetError('CHECKPOINT_INVALID', `${path}: expected a checkpoint, got one that is ${how}`, {
    hint: `Begin again without it: rm ${path}`,
  });
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
