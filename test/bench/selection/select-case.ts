/** A selection of one of the bench's models, as `octet select MODEL --data D` makes it. */
import { join } from 'node:path';
import { bundledFolder } from '../../../models/bundled.ts';
import { readManifest } from '../../../models/manifest.ts';
import { type Evidence, readEvidence } from '../../../runtime/select/evidence.ts';
import { runSelection, type SelectionOptions } from '../../../runtime/select/run-selection.ts';
import type { SelectionRequest } from '../../../runtime/select/selection.ts';
import { type BenchCase, fileNameOf } from '../quantize/bench-case.ts';
import { writeNpyFolder } from '../quantize/npy-folder.ts';

/** A few hundred windows tell no smaller loss than this. Were accuracy undecided, float32 would win everywhere and nothing be shown. */
const budget = { maxDrop: 0.03, maxDisagreement: 0.05 };

export async function requestFor(bench: BenchCase, work: string, timeMs: number): Promise<SelectionRequest> {
  const { all } = await bench.open();
  const data = await writeNpyFolder(join(work, `${fileNameOf(bench)}-data`), all);
  return {
    modelPath: bench.modelPath,
    ...(bench.name === 'watch-exercise' ? { task: (await readManifest(bundledFolder('watch-exercise'))).task } : {}),
    budget,
    data: [data],
    workFolder: join(work, fileNameOf(bench)),
    threads: 1,
    searchSettings: true,
    objective: 'latency',
    timeMs,
  };
}

export async function selectOnce(request: SelectionRequest, options: SelectionOptions = {}): Promise<Evidence> {
  const { evidencePath } = await runSelection(request, { niceness: 0, ...options });
  return readEvidence(evidencePath);
}
