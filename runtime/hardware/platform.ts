/**
 * Where Octet can run at all. Asked before anything native is loaded, so that a wrong system gets a sentence and a way
 * out instead of a loader's error.
 */
import { OctetError } from '../base/errors.ts';

export type Platform = {
  /** Node's words: `linux`, `arm64`. */
  readonly os: string;
  readonly arch: string;
  /** `24.21.0`. */
  readonly nodeVersion: string;
  /** The kernel's machine, `aarch64`, when known: tells a 32-bit system on a 64-bit processor. */
  readonly machine?: string;
};

const supportedArchs = ['arm64', 'x64'];
const oldestNode = [24, 15] as const;

/** Each check names what is wrong and what to do; the first that applies is thrown. */
const checks: readonly { fails(platform: Platform): boolean; message(platform: Platform): string; hint: string }[] = [
  {
    fails: ({ os }) => os !== 'linux',
    message: ({ os }) => `operating system: expected linux, got ${os}`,
    hint: 'Run Octet on Linux: a board, a virtual machine or a container.',
  },
  {
    fails: ({ arch, machine }) => !supportedArchs.includes(arch) && /^(aarch64|arm64|armv[89])/.test(machine ?? ''),
    message: ({ arch, machine }) =>
      `system: expected 64-bit (arm64), got a 32-bit one (${arch}) with a ${machine} kernel`,
    hint: 'The processor is 64-bit, the installed system is not: install the 64-bit image (Raspberry Pi OS 64-bit or Debian arm64).',
  },
  {
    fails: ({ arch }) => !supportedArchs.includes(arch),
    message: ({ arch }) => `processor: expected arm64 or x64, got ${arch}`,
    hint: 'ONNX Runtime has no build for it. Use a 64-bit board (Raspberry Pi 3 or newer, Zero 2 W) with a 64-bit system.',
  },
  {
    fails: ({ nodeVersion }) => isOlder(nodeVersion),
    message: ({ nodeVersion }) => `Node.js: expected ${oldestNode.join('.')} or newer, got ${nodeVersion}`,
    hint: 'Start Octet with ./octet after npm ci, which brings its own Node.js; or install Node.js 24 (https://nodejs.org).',
  },
];

/** @throws PLATFORM_UNSUPPORTED with what to do. */
export function requireSupportedPlatform(platform: Platform): void {
  const failed = checks.find((check) => check.fails(platform));
  if (failed) throw new OctetError('PLATFORM_UNSUPPORTED', failed.message(platform), { hint: failed.hint });
}

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1]);
}
