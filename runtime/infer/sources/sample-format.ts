/** What a program prints: the forms in which samples arrive as bytes. */

export const pcmEncodings = ['s16le', 's32le', 'f32le', 'u8'] as const;
export type PcmEncoding = (typeof pcmEncodings)[number];

export type SampleFormat =
  /** A line per sample: an array in the pipeline's order, or an object by channel name. */
  | { readonly kind: 'json' }
  /** A line per sample, separated by commas, semicolons or white space; a first line of names chooses the columns. */
  | { readonly kind: 'csv' }
  /** Interleaved samples as `arecord -t raw` prints them; whole numbers become −1 to 1. */
  | { readonly kind: 'pcm'; readonly encoding: PcmEncoding }
  /** Raw image frames, as `rpicam-vid --codec yuv420 -o -` or `ffmpeg -f rawvideo -` print them: a frame is a sample, a byte (0 to 255) a channel. */
  | { readonly kind: 'frames' };

/** Takes a program's output as it comes. */
export type SampleDecoder = {
  /** @returns the whole samples that these bytes complete, row-major [samples, channels]. */
  push(bytes: Uint8Array): Float32Array;
  /** The program has ended: an unfinished last line may be a sample all the same. */
  end(): Float32Array;
};
