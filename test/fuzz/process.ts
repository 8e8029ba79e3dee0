/** The fuzz's child: runs the seeds it is sent, one message each, until it is told to stop or dies. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCase, type Verdict } from './case.ts';

export type FuzzRange = { readonly from: number; readonly to: number };
export type FuzzReport = { readonly seed: number; readonly verdict: Verdict; readonly peakBytes: number };

const folder = mkdtempSync(join(tmpdir(), 'octet-fuzz-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

process.once('message', async ({ from, to }: FuzzRange) => {
  for (let seed = from; seed < to; seed++) {
    const verdict = await runCase(seed, join(folder, 'model.onnx'));
    const peakBytes = process.resourceUsage().maxRSS * 1024;
    process.send?.({ seed, verdict, peakBytes } satisfies FuzzReport);
  }
  process.disconnect();
});
