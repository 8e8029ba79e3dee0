/**
 * Samples of an Industrial I/O sensor. Where it has a buffer and a trigger fills it, the kernel keeps time and this only reads; otherwise
 * the channels are read one by one at the pipeline's rate, which is good for slow quantities.
 */
import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OctetError } from '../../base/errors.ts';
import { type Readings, readingsUnder } from '../../hardware/readings.ts';
import { findIioDevice, type IioChannel, type IioDevice, type IioSpec, type ScanElement } from './iio-device.ts';
import { pollRows } from './poll-rows.ts';
import { scanRecordOf } from './scan-record.ts';
import type { SampleBlock, Source, SourceContext } from './source.ts';

/** Records that the kernel keeps while nobody reads: some seconds of a fast sensor. */
const bufferRecords = 1024;

/** @param root `/`, or a folder that stands in for it. @throws SOURCE_FAILED when there is no such device or channel. */
export async function openIio(spec: IioSpec, context: SourceContext, root = '/'): Promise<Source> {
  const readings = readingsUnder(root);
  if (spec.channels.length !== context.pipeline.channels.length)
    throw new OctetError(
      'SOURCE_FAILED',
      `source iio ${spec.device}: expected ${context.pipeline.channels.length} channels, as the model's pipeline has, got ${spec.channels.length}`,
      { hint: `The pipeline's channels are ${context.pipeline.channels.map(({ name }) => name).join(', ')}.` },
    );
  const device = findIioDevice(spec, readings);
  const multiply = spec.multiply ?? 1;
  await setRate(device, context, root);
  if (isBuffered(device) && readings.text(`${device.folder}/trigger/current_trigger`))
    return readBuffer(device, multiply, context, root);
  return pollRows(() => device.channels.map((channel) => polled(device, channel, readings) * multiply), context);
}

type BufferedDevice = IioDevice & { readonly channels: readonly (IioChannel & { readonly scan: ScanElement })[] };

function isBuffered(device: IioDevice): device is BufferedDevice {
  return device.channels.every(({ scan }) => scan !== undefined);
}

/** `_input` is in units already, `_raw` is not. */
function polled({ folder }: IioDevice, { name, scale, offset }: IioChannel, readings: Readings): number {
  const raw = readings.number(`${folder}/in_${name}_raw`);
  return raw === undefined ? (readings.number(`${folder}/in_${name}_input`) ?? Number.NaN) : (raw + offset) * scale;
}

/** A device that has no such file, or another rate, tells by its samples: their rate is watched. */
async function setRate({ folder, channels }: IioDevice, { pipeline }: SourceContext, root: string): Promise<void> {
  const types = channels.map(({ name }) => `in_${name.replace(/(_[xyz]|\d+)$/, '')}_sampling_frequency`);
  for (const file of new Set(['sampling_frequency', ...types]))
    await writeFile(join(root, folder, file), `${pipeline.rateHz}`, { flag: 'r+' }).catch(() => undefined);
}

async function* readBuffer(
  device: BufferedDevice,
  multiply: number,
  { clock, signal }: SourceContext,
  root: string,
): AsyncGenerator<SampleBlock> {
  const record = scanRecordOf(device.channels);
  await enable(device, root);
  const stream = createReadStream(join(root, device.node), { highWaterMark: record.bytes * 64, signal });
  let rest: Uint8Array = Buffer.alloc(0);
  let firstSample = 0;
  try {
    for await (const chunk of stream) {
      const all = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer]);
      const count = Math.floor(all.length / record.bytes);
      rest = all.subarray(count * record.bytes);
      if (count === 0) continue;
      const view = new DataView(all.buffer, all.byteOffset, all.length);
      const rows = Float32Array.from(
        Array.from({ length: count }, (_, at) => record.read(view, at * record.bytes)).flat(),
        (value) => value * multiply,
      );
      const tUs = Math.round(clock.wallMs() * 1000);
      yield { rows, tUs, discontinuity: firstSample === 0, firstSample, spans: [] };
      firstSample += count;
    }
  } catch (cause) {
    if (!signal.aborted)
      throw new OctetError('SOURCE_FAILED', `source iio ${device.node}: expected to read it`, { cause });
  } finally {
    await write(device, root, 'buffer/enable', '0').catch(() => undefined);
  }
}

/** Exactly the channels that are wanted, or the records would have another layout. @throws SOURCE_FAILED */
async function enable(device: BufferedDevice, root: string): Promise<void> {
  const wanted = new Set(device.channels.map(({ name }) => `in_${name}_en`));
  const switches = readingsUnder(root)
    .names(`${device.folder}/scan_elements`)
    .filter((name) => name.endsWith('_en'));
  try {
    await write(device, root, 'buffer/enable', '0');
    for (const name of switches) await write(device, root, `scan_elements/${name}`, wanted.has(name) ? '1' : '0');
    await write(device, root, 'buffer/length', `${bufferRecords}`);
    await write(device, root, 'buffer/enable', '1');
  } catch (cause) {
    throw new OctetError(
      'SOURCE_FAILED',
      `source iio ${device.folder}: expected to switch its buffer on, got ${(cause as Error).message}`,
      {
        hint: 'The user of this service needs write access to the device (a udev rule), and nobody else may be reading it.',
        cause,
      },
    );
  }
}

function write({ folder }: IioDevice, root: string, file: string, text: string): Promise<void> {
  return writeFile(join(root, folder, file), text, { flag: 'r+' });
}
