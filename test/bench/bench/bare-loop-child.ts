/**
 * The yardstick of `octet bench`: ONNX Runtime's own session in a loop, and nothing of Octet's around it.
 * `node bare-loop-child.ts MODEL MILLISECONDS` prints the median of one call in microseconds.
 */
import { InferenceSession, Tensor } from 'onnxruntime-node';

const [model = '', milliseconds = '1000'] = process.argv.slice(2);
const session = await InferenceSession.create(model, {
  intraOpNumThreads: 1,
  executionMode: 'sequential',
  extra: { 'session.intra_op.allow_spinning': '0' },
});
const feeds = Object.fromEntries(
  session.inputMetadata.map((input) => {
    if (!input.isTensor || input.type !== 'float32')
      throw new Error(`${input.name}: expected float32, got ${input.isTensor ? input.type : 'no tensor'}`);
    const dims = input.shape.map((size) => (typeof size === 'number' && size > 0 ? size : 1));
    const data = Float32Array.from({ length: dims.reduce((product, size) => product * size, 1) }, (_, at) =>
      Math.sin(at),
    );
    return [input.name, new Tensor('float32', data, dims)];
  }),
);
// The first fifth warms up.
const warmUntil = performance.now() + Number(milliseconds) / 5;
while (performance.now() < warmUntil) await session.run(feeds);
const times: number[] = [];
const until = performance.now() + Number(milliseconds);
while (performance.now() < until) {
  const from = performance.now();
  await session.run(feeds);
  times.push(performance.now() - from);
}
times.sort((a, b) => a - b);
console.log(times[Math.floor(times.length / 2)]! * 1000);
