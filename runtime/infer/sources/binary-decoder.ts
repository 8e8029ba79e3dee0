/** Samples as plain numbers, one after the other, without anything between them. */
import { type Pipeline, sampleWidth } from '../../data/pipeline.ts';
import type { PcmEncoding, SampleDecoder } from './sample-format.ts';

type Element = { readonly bytes: number; readonly read: (view: DataView, at: number) => number };

/** Whole numbers as shares of their range, the convention of audio; ALSA's names in comments. */
const elements = {
  /** S16_LE */
  s16le: { bytes: 2, read: (view, at) => view.getInt16(at, true) / 2 ** 15 },
  /** S32_LE */
  s32le: { bytes: 4, read: (view, at) => view.getInt32(at, true) / 2 ** 31 },
  /** FLOAT_LE */
  f32le: { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  /** U8, whose silence is 128 */
  u8: { bytes: 1, read: (view, at) => (view.getUint8(at) - 128) / 128 },
  /** Brightness as cameras give it; what a model makes of it is said by its features. */
  pixels: { bytes: 1, read: (view, at) => view.getUint8(at) },
} as const satisfies Record<PcmEncoding | 'pixels', Element>;

export function createBinaryDecoder(encoding: keyof typeof elements, pipeline: Pipeline): SampleDecoder {
  const { bytes: elementBytes, read } = elements[encoding];
  const sampleBytes = sampleWidth(pipeline) * elementBytes;
  /** The beginning of a sample, until its rest arrives. */
  let rest = new Uint8Array(0);
  return {
    push(bytes) {
      const all = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
      const whole = all.length - (all.length % sampleBytes);
      rest = new Uint8Array(all.subarray(whole));
      const view = new DataView(all.buffer, all.byteOffset, whole);
      return Float32Array.from({ length: whole / elementBytes }, (_, index) => read(view, index * elementBytes));
    },
    end: () => new Float32Array(0),
  };
}
