/**
 * Which integers this processor's kernels are made for; a recipe that leaves them open gets these. x86 processors without VNNI add
 * two products in 16 bits (VPMADDUBSW), which 255 · 127 · 2 overflows and saturates without a word: there weights get 7 bits.
 * Source: onnxruntime docs, "Quantize ONNX models", reduce_range; mlas, U8S8 kernels of AVX2.
 */
import { type CpuFeature, readCpu } from '../hardware/cpu.ts';
import { type Int8Family, int8OutlookOf } from '../hardware/int8-outlook.ts';
import { readingsUnder } from '../hardware/readings.ts';

export type FastTypes = {
  readonly activation: 'uint8' | 'int8';
  /** Weights in 7 bits, so that no sum saturates. */
  readonly reduceRange: boolean;
  /** For people. */
  readonly reason: string;
};

const unsigned = { activation: 'uint8', reduceRange: false } as const;
const signed = { activation: 'int8', reduceRange: false } as const;
const narrow = { activation: 'uint8', reduceRange: true } as const;

const types: Readonly<Record<Int8Family, FastTypes>> = {
  amx: { ...unsigned, reason: 'AMX multiplies unsigned activations by signed weights' },
  vnni: { ...unsigned, reason: 'VNNI multiplies unsigned activations by signed weights' },
  avx2: { ...narrow, reason: 'AVX2 multiplies unsigned by signed in 16 bits, so weights get 7 bits' },
  i8mm: { ...signed, reason: 'signed by signed is the kernel family made for ARM' },
  dotprod: { ...signed, reason: 'signed by signed is the kernel family made for ARM, with the dot product' },
  neon: { ...signed, reason: 'signed by signed is the kernel family made for ARM' },
  none: { ...narrow, reason: 'the form that ONNX Runtime runs everywhere, and 7 bits against saturation' },
};

export function fastTypesOf(family: Int8Family): FastTypes {
  return types[family];
}

/** Of the processor that this program runs on. @param features for tests. */
export function fastTypesHere(features: readonly CpuFeature[] = readCpu(readingsUnder('/')).features): FastTypes {
  return fastTypesOf(int8OutlookOf(features).family);
}

type Open = { readonly kind?: unknown; readonly target?: unknown };

/** A recipe as a user wrote it, with what it leaves open about integer types as the processor wants it. */
export function fillTypes<R extends Open>(
  wanted: R,
  { activation, reduceRange }: Pick<FastTypes, 'activation' | 'reduceRange'>,
): R {
  // Another machine's GPU runs what is made for TensorRT.
  if (wanted.kind === 'static' && wanted.target === 'tensorrt') return wanted;
  if (wanted.kind === 'static') return { activation, reduceRange, ...wanted };
  return wanted.kind === 'dynamic' ? { reduceRange, ...wanted } : wanted;
}
