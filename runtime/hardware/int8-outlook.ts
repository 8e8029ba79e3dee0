/**
 * What int8 can be expected to bring on a processor, before anything is measured. A table from the best integer
 * instruction to words; the words never replace a trial, they say what would be surprising.
 */
import type { CpuFeature } from './cpu.ts';

export type Int8Family = 'amx' | 'vnni' | 'avx2' | 'i8mm' | 'dotprod' | 'neon' | 'none';

export type Int8Outlook = {
  /** The integer instructions that ONNX Runtime's kernels would use. */
  readonly family: Int8Family;
  /** A sentence for people. */
  readonly text: string;
};

/**
 * Best first: the first row whose feature the processor has decides. Figures: published ARM timings for NEON; counted
 * instructions for dot product; a run of the reference quantiser on x86 with VNNI.
 */
const outlooks: readonly (readonly [Int8Family, readonly CpuFeature[], string])[] = [
  ['amx', ['amx_int8'], 'AMX int8 tiles: expect 1.2 to 4 times on large layers, less on small ones; measure'],
  [
    'vnni',
    ['avx512_vnni', 'avx_vnni'],
    'VNNI dot product: expect 0.9 to 3 times, more on larger convolutions; measure',
  ],
  ['avx2', ['avx2'], 'AVX2 without VNNI: expect 0.8 to 1.6 times, and 7-bit weights to avoid saturation; measure'],
  ['i8mm', ['i8mm'], 'NEON with int8 matrix product: expect 1.5 to 4 times, most in large matrix products; measure'],
  ['dotprod', ['dotprod'], 'NEON with dot product: expect 1.5 to 3.5 times on convolutions; measure'],
  ['neon', ['neon'], 'NEON without dot product: expect 1.1 to 1.8 times, and a loss on some models; measure'],
];

export function int8OutlookOf(features: readonly CpuFeature[]): Int8Outlook {
  const row = outlooks.find(([, needed]) => needed.some((feature) => features.includes(feature)));
  return row
    ? { family: row[0], text: row[2] }
    : { family: 'none', text: 'no integer instructions known to help: expect float32 to win; measure' };
}
