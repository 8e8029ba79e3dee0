/** Oracle: the ranges that onnxruntime.quantization 1.30 took from the same models and the same 256 samples. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openSamples } from '../../../../runtime/data/open-samples.ts';
import { evenly, type Samples } from '../../../../runtime/data/samples.ts';
import { constantTensor } from '../../../../runtime/graph/initializer.ts';
import { linksOf } from '../../../../runtime/graph/links.ts';
import type { Graph } from '../../../../runtime/graph/model.ts';
import type { Range } from '../../../../runtime/quantize/numerics.ts';
import { observe } from '../../../../runtime/quantize/observe.ts';
import { tensorsToObserve } from '../../../../runtime/quantize/place/place.ts';
import { chooseUnits } from '../../../../runtime/quantize/place/units.ts';
import { modelInputs, prepareModel } from '../../../../runtime/quantize/prepare/prepare.ts';
import { staticSchema } from '../../../../runtime/quantize/recipe.ts';
import { dataFolder, loadReference, needsSharedData } from '../reference.ts';

const models = ['fashion-dscnn', 'fashion-resnet8', 'digits-dscnn', 'gestures-cnn1d'];
const recipe = staticSchema.parse({ kind: 'static' });

async function observed(name: string) {
  const model = await prepareModel(join(dataFolder, 'reference', `${name}.folded.onnx`));
  const file = name.startsWith('gestures') ? 'train.npz' : 'calibration.npz';
  const all: Samples = await openSamples(join(dataFolder, name.split('-')[0]!, file), { inputs: modelInputs(model) });
  // What reads a pass-through operator's output has the range of its input, there as here.
  const { units } = chooseUnits(model.graph, recipe, new Map());
  const own = new Set(units.filter(({ rule }) => rule.role !== 'passThrough').map(({ output }) => output));
  const tensors = tensorsToObserve(units).filter((tensor) => own.has(tensor) || tensor === 'x');
  return observe(
    model,
    tensors,
    { ...evenly(all, all.count), count: 256 },
    {
      observers: ['min-max', 'percentile', 'entropy', 'mse'],
    },
  );
}

/** The representable ranges of a reference model's uint8 activations, by the tensor that is quantised. */
function rangesIn(graph: Graph): Map<string, Range> {
  const found = new Map<string, Range>();
  const { producers } = linksOf(graph);
  for (const node of producers.values()) {
    if (node.opType !== 'QuantizeLinear') continue;
    const scale = Number(constantTensor(graph, node.inputs[1]!)!.data[0]);
    const zeroPoint = Number(constantTensor(graph, node.inputs[2]!)!.data[0]);
    const name = node.inputs[0]!.replace(/_QuantizeLinear_Input$/, '');
    found.set(name, { min: -scale * zeroPoint, max: scale * (255 - zeroPoint) });
  }
  return found;
}

for (const name of models) {
  test(
    `${name}: percentile ranges are the reference's within 1/1024 of the largest magnitude`,
    needsSharedData,
    async () => {
      const ours = await observed(name);
      const theirs = rangesIn(await loadReference(`${name}.static-u8s8-percentile.onnx`));
      const compared = [...ours.get('percentile')!].filter(([tensor]) => theirs.has(tensor));
      assert.ok(compared.length >= 7, `${compared.length} tensors in common`);
      for (const [tensor, range] of compared) {
        const full = ours.get('min-max')!.get(tensor)!;
        const largest = Math.max(-full.min, full.max);
        const { min, max } = theirs.get(tensor)!;
        // A zero point is rounded, which moves both ends of their range by up to half a step.
        const tolerance = largest / 1024 + (max - min) / 255 / 2;
        const [low, high] = [Math.min(range.min, 0), Math.max(range.max, 0)];
        assert.ok(Math.abs(high - max) <= tolerance, `${tensor}: max ${high}, expected ${max} ± ${tolerance}`);
        assert.ok(Math.abs(low - min) <= tolerance, `${tensor}: min ${low}, expected ${min} ± ${tolerance}`);
      }
    },
  );

  test(`${name}: the reference's entropy is its min-max, Octet's lies inside`, needsSharedData, async () => {
    const entropy = rangesIn(await loadReference(`${name}.static-u8s8-entropy.onnx`));
    assert.deepEqual(entropy, rangesIn(await loadReference(`${name}.static-u8s8.onnx`)));
    const ours = await observed(name);
    for (const [tensor, { min, max }] of ours.get('entropy')!) {
      const full = ours.get('min-max')!.get(tensor)!;
      assert.ok(min >= Math.min(full.min, 0) && max <= Math.max(full.max, 0), tensor);
      // A fifth of the range is the narrowest that is tried.
      assert.ok(max - min >= 0.2 * (Math.max(full.max, 0) - Math.min(full.min, 0)) * 0.999, tensor);
    }
  });
}
