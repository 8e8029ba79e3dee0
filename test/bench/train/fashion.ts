/** Fashion-MNIST as Debian packages it: 60,000 images to learn from and 10,000 to judge by, in memory as bytes. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Samples } from '../../../runtime/data/samples.ts';

const folder = '/usr/share/datasets/fashion-mnist';

export const hasFashion = existsSync(join(folder, 'train-images-idx3-ubyte.gz'));

/** @param most the first so many. Images are [1, 1, 28, 28] in 0…1, labels 0 to 9. Source of the format: LeCun's IDX. */
export function fashion(part: 'train' | 't10k', most = Number.POSITIVE_INFINITY): Samples {
  const read = (name: string) => gunzipSync(readFileSync(join(folder, `${part}-${name}-ubyte.gz`)));
  const [images, classes] = [read('images-idx3').subarray(16), read('labels-idx1').subarray(8)];
  const count = Math.min(most, classes.length);
  return {
    count,
    labels: Array.from(classes.subarray(0, count)),
    description: `${count} images of Fashion-MNIST`,
    feeds: async (index) => {
      const data = Float32Array.from(images.subarray(index * 784, (index + 1) * 784), (value) => value / 255);
      return { x: { type: 'float32', dims: [1, 1, 28, 28], data } };
    },
  };
}
