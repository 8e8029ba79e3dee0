/** Against the files that the kernel makes for an accelerometer; the device itself is a plain file with records in it. */
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { systemClock } from '../../../../runtime/base/clock.ts';
import { openIio } from '../../../../runtime/infer/sources/iio-source.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { pipeline } from '../small-runner.ts';

const device = 'sys/bus/iio/devices/iio:device0';
const spec = { kind: 'iio', device: 'lsm6dsl_accel', channels: ['accel_y', 'accel_x'] } as const;

/** x: 12 bits of 16, shifted by 4, little-endian; y: 16 bits, big-endian; a time stamp of 64 bits that is switched off. */
async function accelerometer(t: TestContext, { trigger = '' } = {}): Promise<string> {
  const root = await temporaryFolder(t);
  const files: Record<string, string | Uint8Array> = {
    [`${device}/name`]: 'lsm6dsl_accel\n',
    [`${device}/in_accel_x_raw`]: '200\n',
    [`${device}/in_accel_y_raw`]: '-100\n',
    [`${device}/in_accel_scale`]: '0.01\n',
    [`${device}/in_accel_y_offset`]: '50\n',
    [`${device}/in_accel_sampling_frequency`]: '12.5\n',
    [`${device}/scan_elements/in_accel_x_en`]: '0',
    [`${device}/scan_elements/in_accel_x_index`]: '0\n',
    [`${device}/scan_elements/in_accel_x_type`]: 'le:s12/16>>4\n',
    [`${device}/scan_elements/in_accel_y_en`]: '0',
    [`${device}/scan_elements/in_accel_y_index`]: '1\n',
    [`${device}/scan_elements/in_accel_y_type`]: 'be:s16/16\n',
    [`${device}/scan_elements/in_timestamp_en`]: '1',
    [`${device}/buffer/enable`]: '0',
    [`${device}/buffer/length`]: '0',
    [`${device}/trigger/current_trigger`]: trigger,
    'dev/iio:device0': records([
      [100, -100],
      [-2048, 1000],
    ]),
  };
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), content);
  }
  return root;
}

function records(samples: readonly (readonly [x: number, y: number])[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(samples.length * 4));
  samples.forEach(([x, y], at) => {
    view.setInt16(at * 4, x << 4, true);
    view.setInt16(at * 4 + 2, y, false);
  });
  return new Uint8Array(view.buffer);
}

function contextOf(controller = new AbortController(), clock = systemClock) {
  return { pipeline, clock, problems: { reporter: () => () => {} }, signal: controller.signal };
}

describe('a buffered sensor', () => {
  it('gives its records in the order of the pipeline, in units', async (t) => {
    const root = await accelerometer(t, { trigger: 'hrtimer0' });
    const values: number[] = [];
    for await (const { rows } of await openIio(spec, contextOf(), root)) values.push(...rows);
    // (raw + offset) · scale, y before x.
    assert.deepEqual(values, [-0.5, 1, 10.5, -20.48].map(Math.fround));
  });

  it('is switched on with just the channels that are wanted, at the rate of the model, and off at the end', async (t) => {
    const root = await accelerometer(t, { trigger: 'hrtimer0' });
    const fileOf = (name: string) => readFile(join(root, device, name), 'utf8');
    for await (const _ of await openIio(spec, contextOf(), root)) {
      assert.equal(await fileOf('buffer/enable'), '1');
      assert.equal(await fileOf('scan_elements/in_timestamp_en'), '0');
      assert.equal(await fileOf('scan_elements/in_accel_x_en'), '1');
      assert.match(await fileOf('in_accel_sampling_frequency'), /^100/);
    }
    assert.equal(await fileOf('buffer/enable'), '0');
  });
});

describe('a sensor without a trigger', () => {
  it('is read at the rate of the pipeline, and multiplied', async (t) => {
    const root = await accelerometer(t);
    const [stopping, waits] = [new AbortController(), [] as number[]];
    let nowMs = 0;
    const clock = {
      wallMs: () => nowMs,
      monotonicMs: () => nowMs,
      sleep: async (ms: number) => {
        waits.push(ms);
        nowMs += ms;
      },
    };
    const blocks: number[][] = [];
    for await (const { rows } of await openIio({ ...spec, multiply: 2 }, contextOf(stopping, clock), root)) {
      blocks.push([...rows]);
      if (blocks.length === 3) stopping.abort();
    }
    assert.deepEqual(blocks, [
      [-1, 4],
      [-1, 4],
      [-1, 4],
    ]);
    assert.deepEqual(waits.slice(0, 3), [0, 10, 10]);
  });
});

describe('a sensor that is asked for wrongly', () => {
  it('is answered with the devices that there are', async (t) => {
    const root = await accelerometer(t);
    await assert.rejects(openIio({ ...spec, device: 'bmp280' }, contextOf(), root), {
      code: 'SOURCE_FAILED',
      message: 'source iio bmp280: expected device bmp280, got iio:device0 (lsm6dsl_accel)',
    });
  });

  it('is answered with the channels that there are', async (t) => {
    const root = await accelerometer(t);
    await assert.rejects(openIio({ ...spec, channels: ['accel_x', 'accel_z'] }, contextOf(), root), {
      code: 'SOURCE_FAILED',
      message: /expected channel accel_z of .*, got accel_x, accel_y/,
    });
  });

  it('is answered with how many channels the model takes', async (t) => {
    const root = await accelerometer(t);
    await assert.rejects(openIio({ ...spec, channels: ['accel_x'] }, contextOf(), root), {
      message: /expected 2 channels/,
    });
  });
});
