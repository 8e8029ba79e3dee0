/** Steps of training in a process of its own, as `fineTune` makes them. Arguments: model, batch, steps. Prints processor milliseconds of each. */
import { join } from 'node:path';
import { openSamples } from '../../../runtime/data/open-samples.ts';
import { modelInputs, prepareModel } from '../../../runtime/quantize/prepare/prepare.ts';
import { fineTune } from '../../../runtime/train/fine-tune.ts';

const [name = '', batch = '', steps = ''] = process.argv.slice(2);
const folder = join(import.meta.dirname, '../../../../shared/data/fashion');
const model = await prepareModel(join(folder, `${name}.onnx`));
const samples = await openSamples(join(folder, 'calibration.npz'), { inputs: modelInputs(model) });
const labelled = { ...samples, labels: Array.from({ length: samples.count }, (_, i) => i % 10) };
const times: number[] = [];
const processorMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
let startMs = processorMs();
await fineTune(model, labelled, {
  task: 'classify',
  steps: Number(steps),
  batchSize: Number(batch),
  onProgress() {
    times.push(processorMs() - startMs);
    startMs = processorMs();
  },
});
process.stdout.write(JSON.stringify(times));
