/** The demo's repository: made with keys of its own at the first start, the bundled model in it, signatures renewed at each start. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type BundledModel, bundledFolder } from '../../models/bundled.ts';
import { addModel } from '../../models/repository/add.ts';
import { initRepository } from '../../models/repository/create.ts';
import { metadataFileName, metadataFolder } from '../../models/repository/layout.ts';
import { publishRepository } from '../../models/repository/publish.ts';
import { refreshRepository } from '../../models/repository/refresh.ts';
import type { Clock } from '../../runtime/base/clock.ts';
import { type ErrorCode, OctetError } from '../../runtime/base/errors.ts';

export type DemoRepository = {
  /** What the web server carries. */
  readonly folder: string;
  /** What the agent pins. */
  readonly rootFile: string;
};

/**
 * @param folder made when absent; the private keys go beside it, to `<folder>.keys`.
 * @throws what a damaged repository throws, with the hint to begin anew: there is nothing in it to lose.
 */
export async function prepareRepository(folder: string, model: BundledModel, clock: Clock): Promise<DemoRepository> {
  const rootFile = join(folder, metadataFolder, metadataFileName('root', 1));
  try {
    if (!existsSync(rootFile)) await initRepository(folder, { clock });
    await addModel(folder, bundledFolder(model));
    await publishRepository(folder, { clock });
    await refreshRepository(folder, { clock });
  } catch (cause) {
    if (!(cause instanceof OctetError) || !damaged.includes(cause.code)) throw cause;
    throw new OctetError(cause.code, cause.message, { hint: 'Begin anew: octet demo --fresh', cause });
  }
  return { folder, rootFile };
}

/** What an interrupted first start, a lost key or another version of the bundled model lead to. */
const damaged: readonly ErrorCode[] = [
  'USAGE',
  'FILE_NOT_FOUND',
  'MANIFEST_INVALID',
  'REPOSITORY_INVALID',
  'SIGNATURE_INVALID',
];
