/** From what somebody points at to the record that is meant: the file itself, or the newest in a folder. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { OctetError } from '../base/errors.ts';
import { readError } from '../base/files.ts';
import { type Evidence, readEvidence } from './evidence.ts';

export type FoundEvidence = {
  readonly path: string;
  readonly evidence: Evidence;
  /** How many older ones lie beside it. */
  readonly older: number;
};

/**
 * @param path a record, the folder of a selection or a model (with `evidence/` inside), or a folder of records.
 * @throws FILE_NOT_FOUND, EVIDENCE_INVALID
 */
export async function findEvidence(path: string): Promise<FoundEvidence> {
  const info = await stat(path).catch((error) => Promise.reject(readError(path, 'evidence', error)));
  if (!info.isDirectory()) return { path, evidence: await readEvidence(path), older: 0 };
  const inside = join(path, 'evidence');
  const folder = (await isFolder(inside)) ? inside : path;
  const names = (await readdir(folder)).filter((name) => /^[0-9a-f]{64}\.json$/.test(name));
  const paths = names.map((name) => join(folder, name));
  const records = await Promise.all(paths.map(async (file) => ({ path: file, evidence: await readEvidence(file) })));
  const [newest, ...older] = records.sort((a, b) => b.evidence.createdMs - a.evidence.createdMs);
  if (newest) return { ...newest, older: older.length };
  throw new OctetError('FILE_NOT_FOUND', `${folder}: expected records named <sha256>.json, got none`, {
    hint: 'octet select MODEL --data PATH -o FOLDER writes one into FOLDER/evidence.',
  });
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (info) => info.isDirectory(),
    () => false,
  );
}
