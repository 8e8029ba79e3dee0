/** The decoder for a format. A new one is one line. */
import type { Pipeline } from '../../data/pipeline.ts';
import type { Report } from '../problems.ts';
import { createBinaryDecoder } from './binary-decoder.ts';
import type { SampleDecoder, SampleFormat } from './sample-format.ts';
import { createTextDecoder, csvRows, jsonRows } from './text-decoder.ts';

export function createDecoder(format: SampleFormat, pipeline: Pipeline, report: Report): SampleDecoder {
  return (decoders[format.kind] as DecoderOf<SampleFormat>)(format, pipeline, report);
}

type DecoderOf<F extends SampleFormat> = (format: F, pipeline: Pipeline, report: Report) => SampleDecoder;

const decoders: { readonly [K in SampleFormat['kind']]: DecoderOf<Extract<SampleFormat, { kind: K }>> } = {
  json: (_, pipeline, report) => createTextDecoder(jsonRows(pipeline), report),
  csv: (_, pipeline, report) => createTextDecoder(csvRows(pipeline), report),
  pcm: ({ encoding }, pipeline) => createBinaryDecoder(encoding, pipeline),
  frames: (_, pipeline) => createBinaryDecoder('pixels', pipeline),
};
