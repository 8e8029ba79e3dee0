/**
 * `npm test`: installs what suites want where it may, then runs every test with Node's own runner. Words after `npm test --`
 * keep only the test files whose path contains one of them.
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { missing, type Requirement, requirements } from './support/requirements.ts';

const root = join(import.meta.dirname, '..');

function main(words: readonly string[]): number {
  installPackages();
  const files = globSync('test/**/*.test.ts', { cwd: root })
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
    .sort();
  const isSystem = (file: string) => file.startsWith('test/system/');
  // Whole-product tests start several processes and a browser each: one at a time. The others share the two cores.
  const codes = [
    runTests(
      files.filter((file) => !isSystem(file)),
      2,
    ),
    runTests(files.filter(isSystem), 1),
  ];
  for (const name of stillMissing()) console.error(`Skipped: the suites that ${missing(name)}`);
  return Math.max(...codes);
}

function stillMissing(): Requirement[] {
  return (Object.keys(requirements) as Requirement[]).filter((name) => missing(name) !== false);
}

/** Debian packages, only as root and only where apt is; anyone else is told what to install. */
function installPackages(): void {
  const wanted = stillMissing();
  if (wanted.length === 0) return;
  const apt = (...words: string[]) =>
    spawnSync('apt-get', ['-o', 'DPkg::Lock::Timeout=300', ...words], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  if (process.getuid?.() !== 0 || apt('--version').error !== undefined) {
    console.error(`Some suites will be skipped. To run them: sudo apt-get install ${wanted.join(' ')}`);
    return;
  }
  console.error(`Installing for the tests: ${wanted.join(' ')}`);
  apt('update');
  apt('install', '-y', '--no-install-recommends', ...wanted);
}

function runTests(files: readonly string[], concurrency: number): number {
  if (files.length === 0) return 0;
  const { status } = spawnSync(
    process.execPath,
    ['--test', `--test-concurrency=${concurrency}`, '--test-timeout=300000', '--test-reporter=spec', ...files],
    // Plain text, wherever the tests run: a CI's environment asks for colours even where nobody looks.
    { cwd: root, stdio: 'inherit', env: { ...process.env, NO_COLOR: '1' } },
  );
  return status ?? 1;
}

process.exitCode = main(process.argv.slice(2));
