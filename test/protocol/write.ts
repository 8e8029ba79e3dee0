/** `npm run protocol`: writes docs/octet-1/ from the table of channels, so that a test finds them equal. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { publishedFiles } from '../../agent/protocol/published.ts';

const folder = join(import.meta.dirname, '..', '..', 'docs', 'octet-1');
rmSync(folder, { recursive: true, force: true });
for (const [name, text] of publishedFiles()) {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
console.log(`${folder}: ${publishedFiles().size} files`);
