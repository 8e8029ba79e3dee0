/**
 * System packages that some suites want. `test/run.ts` installs them where it may (Debian, root); elsewhere those suites
 * are skipped by name, each saying what to install.
 */
import { existsSync } from 'node:fs';

/** Debian package → a file that is there once it is installed. */
export const requirements = {
  mosquitto: '/usr/sbin/mosquitto',
  chromium: '/usr/bin/chromium',
  openssl: '/usr/bin/openssl',
  'libonnx-testdata': '/usr/share/libonnx-testdata',
} as const satisfies Record<string, string>;

export type Requirement = keyof typeof requirements;

/** For `describe(name, { skip: missing('mosquitto') }, …)`: false when present, else why the suite is skipped. */
export function missing(name: Requirement): string | false {
  return existsSync(requirements[name]) ? false : `needs ${name}; install it with: apt-get install ${name}`;
}

/** For suites that read the reference data beside the checkout (`../shared/data`), which a public clone does not have. */
export function missingFile(path: string): string | false {
  return existsSync(path) ? false : `needs ${path}, which is not beside this checkout`;
}
