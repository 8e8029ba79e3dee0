/** A folder that is removed when the test that asked for it ends. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

export async function temporaryFolder(context: Pick<TestContext, 'after'>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'octet-test-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
