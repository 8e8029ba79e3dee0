/** What makes a channel important: accuracy left on test data once half of the multiply-adds are gone, tuned a little without labels. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openSamples } from '../../../runtime/data/open-samples.ts';
import { parseModel } from '../../../runtime/graph/load.ts';
import { modelInputs, prepareModel } from '../../../runtime/quantize/prepare/prepare.ts';
import { pruneModel } from '../../../runtime/train/prune/prune-model.ts';
import { pruneSchema } from '../../../runtime/train/prune/prune-recipe.ts';
import { countRight } from '../../../runtime/train/scratch/count-right.ts';
import type { BenchRow } from '../sections.ts';

const shared = join(import.meta.dirname, '../../../../shared/data');

const cases = [
  { model: 'digits/dscnn', tune: 'digits/calibration', steps: 60 },
  { model: 'gestures/cnn1d', tune: 'gestures/train', steps: 150 },
] as const;

const settings = [
  { criterion: 'random', scope: 'layer' },
  { criterion: 'l1', scope: 'layer' },
  { criterion: 'l2', scope: 'layer' },
  { criterion: 'l2', scope: 'global' },
  { criterion: 'taylor', scope: 'global' },
  { criterion: 'taylor', scope: 'layer' },
] as const;

/** @param words choose cases by a part of the model's name. */
export async function benchCriteria(words: readonly string[]): Promise<readonly BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const { model, tune, steps } of cases) {
    if (!existsSync(shared) || (words.length > 0 && !words.some((word) => model.includes(word)))) continue;
    const prepared = await prepareModel(join(shared, `${model}.onnx`));
    const open = (name: string) => openSamples(join(shared, `${name}.npz`), { inputs: modelInputs(prepared) });
    const [samples, test] = [await open(tune), await open(`${model.split('/')[0]}/test`)];
    const accuracy = async (bytes: Uint8Array) => {
      const { right, of } = await countRight(parseModel(bytes), test);
      return (100 * right) / of;
    };
    const unlabelled = { ...samples, labels: undefined };
    const found = new Map<string, number>();
    for (const setting of settings) {
      const recipe = pruneSchema.parse({ kind: 'prune', ratio: 0.5, multiple: 4, steps, ...setting });
      const { bytes } = await pruneModel(prepared, unlabelled, recipe, { classifies: true });
      found.set(`${setting.criterion}, scope ${setting.scope}`, await accuracy(bytes));
    }
    const chance = found.get('random, scope layer')!;
    for (const [name, value] of found) {
      const isUsual = name === 'taylor, scope layer';
      const ok = !isUsual || value > chance;
      rows.push({
        name: `${model}, ${steps} steps: ${name}`,
        value,
        unit: '%',
        target: isUsual ? 'above random' : '',
        ok,
      });
    }
  }
  return rows;
}
