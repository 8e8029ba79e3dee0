/** One digest of everything that `--data` names, so that a repeated selection knows whether it sees the same data. */
import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { sha256OfFile } from '../base/files.ts';

/** SHA-256 over the names (below what is named) and contents of all files, in order. */
export async function digestData(paths: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const path of paths)
    for (const file of await filesIn(path)) hash.update(`${relative(path, file)}\0${await sha256OfFile(file)}\n`);
  return hash.digest('hex');
}

async function filesIn(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort();
}
