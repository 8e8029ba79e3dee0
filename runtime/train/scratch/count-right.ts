/** How often a classifier gives the label, in batches. */
import type { Samples } from '../../data/samples.ts';
import { openModel } from '../../engine/open-model.ts';
import type { Model } from '../../graph/model.ts';
import { batchIndices, gatherFeeds } from '../loop/batches.ts';

/** Samples without a label do not count. @returns of its first output. Opens a session. */
export async function countRight(
  model: Model,
  samples: Samples,
  config: Readonly<Record<string, string>> = {},
): Promise<{ readonly right: number; readonly of: number }> {
  const session = await openModel(model, { config });
  const name = model.graph.outputs[0]!.name;
  let [right, of] = [0, 0];
  try {
    for (const indices of batchIndices(samples.count)) {
      const { [name]: output } = await session.run(await gatherFeeds(samples, indices), [name]);
      const classes = output!.data.length / indices.length;
      for (const [row, index] of indices.entries()) {
        const label = samples.labels?.[index] ?? -1;
        if (label < 0) continue;
        const scores = (output!.data as Float32Array).subarray(row * classes, (row + 1) * classes);
        of += 1;
        if (scores[label] === scores.reduce((a, b) => Math.max(a, b))) right += 1;
      }
    }
    return { right, of };
  } finally {
    await session.close();
  }
}
