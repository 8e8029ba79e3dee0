import assert from 'node:assert/strict';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { type HeatReading, type HeatState, noHeat, noteHeat } from '../../../agent/drift/heat.ts';
import { systemReader } from '../../../agent/telemetry/system-readings.ts';
import { readingsUnder } from '../../../runtime/hardware/readings.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const policy = { demoteC: 80, promoteC: 70 };
const calm: HeatReading = { temperatureC: 50, throttled: [] };
const boards = join(import.meta.dirname, '..', '..', 'boards');

/** What turned when, given a reading a second. */
function turns(
  readings: readonly { reading: HeatReading; seconds: number }[],
): { atS: number; isStrained: boolean; why: string }[] {
  let state: HeatState = noHeat;
  let nowS = 0;
  const found: { atS: number; isStrained: boolean; why: string }[] = [];
  for (const { reading, seconds } of readings)
    for (const endS = nowS + seconds; nowS < endS; nowS += 1) {
      const [next, why] = noteHeat(state, reading, nowS * 1000, policy);
      if (why !== undefined) found.push({ atS: nowS, isStrained: next.isStrained, why });
      state = next;
    }
  return found;
}

/** A recorded board whose files say something else. */
async function boardWith(t: TestContext, board: string, files: Readonly<Record<string, string>>): Promise<HeatReading> {
  const root = await temporaryFolder(t);
  await cp(join(boards, board), root, { recursive: true });
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return systemReader(readingsUnder(root))();
}

describe('heat', () => {
  it('is strain only when it lasts, and over only when it has been cool for long', () => {
    const hot = { temperatureC: 82, throttled: [] };
    const warm = { temperatureC: 75, throttled: [] };
    assert.deepEqual(
      turns([
        { reading: hot, seconds: 20 },
        { reading: warm, seconds: 20 },
        { reading: hot, seconds: 20 },
      ]),
      [],
    );
    const found = turns([
      { reading: hot, seconds: 60 },
      { reading: warm, seconds: 3600 },
      { reading: calm, seconds: 200 },
      { reading: warm, seconds: 10 },
      { reading: calm, seconds: 400 },
    ]);
    assert.deepEqual(
      found.map(({ atS, isStrained }) => [atS, isStrained]),
      [
        [30, true],
        [60 + 3600 + 200 + 10 + 300, false],
      ],
    );
  });

  it('a sensor that hovers about the limit does not switch to and fro', () => {
    const readings = Array.from({ length: 600 }, (_, minute) => ({
      reading: { temperatureC: minute % 2 === 0 ? 81 : 72, throttled: [] },
      seconds: 60,
    }));
    assert.deepEqual(
      turns(readings).map(({ isStrained }) => isStrained),
      [true],
      'once in ten hours',
    );
  });

  it('is seen on recorded boards: hot, throttled, or short of power', async (t) => {
    const word = 'sys/devices/platform/soc/soc:firmware/get_throttled';
    const underVoltage = await boardWith(t, 'raspberry-pi-4', {});
    const atRest = await boardWith(t, 'raspberry-pi-4', { [word]: '0\n' });
    assert.deepEqual(turns([{ reading: atRest, seconds: 600 }]), [], JSON.stringify(atRest));
    assert.match(turns([{ reading: underVoltage, seconds: 60 }])[0]?.why ?? '', /under-voltage/);
    const sinceBootOnly = await boardWith(t, 'raspberry-pi-4', { [word]: '50000\n' });
    assert.deepEqual(turns([{ reading: sinceBootOnly, seconds: 600 }]), [], 'what is over is over');
    const hot = await boardWith(t, 'raspberry-pi-4', {
      ...{ [word]: '0\n', 'sys/class/thermal/thermal_zone0/temp': '84700\n' },
    });
    assert.match(turns([{ reading: hot, seconds: 60 }])[0]?.why ?? '', /hotter than 80 °C \(84.7 °C\)/);
  });

  it('that no sensor tells of is no strain', () => {
    assert.deepEqual(turns([{ reading: { temperatureC: null, throttled: null }, seconds: 3600 }]), []);
  });
});
