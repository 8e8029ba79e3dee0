/** The Raspberry Pi firmware's throttling word by its own tool, for systems whose kernel shows no file for it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Runs a program and gives its output; undefined when it is not there or fails. */
export type AskTool = (program: string, words: readonly string[]) => Promise<string | undefined>;

export const askTool: AskTool = async (program, words) => {
  try {
    return (await promisify(execFile)(program, [...words], { timeout: 2000 })).stdout;
  } catch {
    // No such tool, or no access to the firmware's device: no reading.
    return undefined;
  }
};

/** `throttled=0x50005` → 0x50005. */
export async function askThrottleWord(ask: AskTool): Promise<number | undefined> {
  const hex = /^throttled=0x([0-9a-f]+)\s*$/i.exec((await ask('vcgencmd', ['get_throttled'])) ?? '')?.[1];
  return hex === undefined ? undefined : Number.parseInt(hex, 16);
}
