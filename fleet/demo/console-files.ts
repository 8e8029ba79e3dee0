/**
 * The console as files for a web server. A published package carries them ready; in a checkout they are built when they
 * are missing or older than their sources, which a digest of the sources beside them tells.
 */
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OctetError, systemCodeOf } from '../../runtime/base/errors.ts';
import { programRoot, sha256Of } from '../../runtime/base/files.ts';

const digestFile = '.sources.sha256';

/** What the page is made of: folders and files whose change makes a build outdated. */
const sources = [
  'fleet/console',
  'agent/protocol',
  // What the protocol says of a bench.
  'runtime/measure/bench-report.ts',
  'runtime/measure/bench-messages.ts',
  'package-lock.json',
];

/**
 * @param root the project's folder.
 * @returns the folder to serve; built first (about a second) when it has to be.
 * @throws FILE_NOT_FOUND when there is neither a build nor what a build needs.
 */
export async function prepareConsole(root: string = programRoot()): Promise<string> {
  const built = join(root, 'dist', 'console');
  const sourceFolder = join(root, 'fleet', 'console');
  if (!existsSync(join(sourceFolder, 'index.html'))) return requireBuilt(built);
  const digest = await digestOfSources(root);
  if ((await digestOfBuild(built)) !== digest) await build(sourceFolder, built, digest);
  return built;
}

function requireBuilt(built: string): string {
  if (existsSync(join(built, 'index.html'))) return built;
  throw new OctetError('FILE_NOT_FOUND', `console: expected its files in ${built}, got none`, {
    hint: 'Install the package again: npm install -g octet-edge',
  });
}

/** Built beside its place and moved there whole, so that two demos that start together do not mix their files. */
async function build(sourceFolder: string, built: string, digest: string): Promise<void> {
  // A development dependency, absent from a published package: loaded only where there are sources to build.
  const vite = await import('vite');
  const dist = join(built, '..');
  await mkdir(dist, { recursive: true });
  const fresh = await mkdtemp(join(dist, 'console-'));
  try {
    await vite.build({
      root: sourceFolder,
      base: './',
      configFile: false,
      logLevel: 'error',
      build: { outDir: fresh, emptyOutDir: true, chunkSizeWarningLimit: 1000 },
    });
    await writeFile(join(fresh, digestFile), digest);
    // Temporary folders are private; a web server runs as somebody else.
    await chmod(fresh, 0o755);
    await replaceFolder(built, fresh);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

async function replaceFolder(target: string, fresh: string): Promise<void> {
  await rm(target, { recursive: true, force: true });
  try {
    await rename(fresh, target);
  } catch (error) {
    // Another demo built the same sources at the same moment and was first: its files are as good.
    if (systemCodeOf(error) !== 'ENOTEMPTY') throw error;
  }
}

async function digestOfBuild(built: string): Promise<string | undefined> {
  const path = join(built, digestFile);
  return existsSync(path) ? readFile(path, 'utf8') : undefined;
}

async function digestOfSources(root: string): Promise<string> {
  const paths = (await Promise.all(sources.map((source) => filesUnder(root, source)))).flat().sort();
  const parts = await Promise.all(paths.map(async (path) => `${path} ${sha256Of(await readFile(join(root, path)))}`));
  return sha256Of(parts.join('\n'));
}

async function filesUnder(root: string, source: string): Promise<string[]> {
  const path = join(root, source);
  if (!existsSync(path)) return [];
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    if (systemCodeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  });
  if (!entries) return [source];
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
}
