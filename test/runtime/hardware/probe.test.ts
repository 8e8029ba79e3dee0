import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type HardwareReport, probeHardware } from '../../../runtime/hardware/probe.ts';

const boards = join(import.meta.dirname, '../../boards');
const probeBoard = (board: string): Promise<HardwareReport> => probeHardware({ root: join(boards, board) });

/** Board → name, chip, processor, the int8 features, the family of integer kernels. */
const expectations = {
  'raspberry-pi-zero-2-w': ['Raspberry Pi Zero 2 W Rev 1.0', 'BCM2837', 'Cortex-A53', ['neon'], 'neon'],
  'raspberry-pi-4': ['Raspberry Pi 4 Model B Rev 1.4', 'BCM2711', 'Cortex-A72', ['neon'], 'neon'],
  'raspberry-pi-5': ['Raspberry Pi 5 Model B Rev 1.0', 'BCM2712', 'Cortex-A76', ['neon', 'dotprod'], 'dotprod'],
  'jetson-orin-nano': [
    'NVIDIA Jetson Orin Nano Developer Kit',
    'TEGRA234',
    'Cortex-A78AE',
    ['neon', 'dotprod'],
    'dotprod',
  ],
  'rock-5b': ['Radxa ROCK 5B', 'RK3588', '4× Cortex-A76 + 4× Cortex-A55', ['neon', 'dotprod'], 'dotprod'],
  'x86-vnni-vm': ['unknown', 'AMD EPYC', 'AMD EPYC', ['avx2', 'avx512', 'avx_vnni', 'avx512_vnni'], 'vnni'],
} as const;

describe('probing a recorded board', () => {
  for (const [folder, [board, soc, model, features, family]] of Object.entries(expectations)) {
    it(`recognises ${folder}`, async () => {
      const report = await probeBoard(folder);
      assert.deepEqual(
        [report.board, report.soc, report.cpu.model, report.cpu.features, report.int8.family],
        [board, soc, model, features, family],
      );
    });
  }

  it('tells a processor without dot product what little to expect', async () => {
    const { int8 } = await probeBoard('raspberry-pi-4');
    assert.match(int8.text, /NEON without dot product: expect 1\.1 to 1\.8 times/);
  });

  it('counts the cores of each kind, the fast ones first', async () => {
    const { cpu } = await probeBoard('rock-5b');
    assert.deepEqual(cpu.clusters, [
      { model: 'Cortex-A76', cores: 4, maxFrequencyMHz: 2400 },
      { model: 'Cortex-A55', cores: 4, maxFrequencyMHz: 1800 },
    ]);
  });

  it('takes the limit of the service, not the memory of the board', async () => {
    const { memory } = await probeBoard('raspberry-pi-zero-2-w');
    assert.equal(memory.totalBytes, 437_892 * 1024);
    assert.equal(memory.limitBytes, 256 * 1024 * 1024);
  });

  it('reads why the firmware holds a Raspberry Pi back, now and since boot', async () => {
    const { thermals } = await probeBoard('raspberry-pi-4');
    assert.deepEqual(thermals.throttled, ['under-voltage', 'throttled']);
    assert.deepEqual(thermals.throttledSinceBoot, ['under-voltage', 'throttled']);
    assert.deepEqual((await probeBoard('raspberry-pi-5')).thermals.throttled, []);
  });

  it('passes over sensors that are switched off and takes the processor, not the hottest part', async () => {
    const { thermals } = await probeBoard('jetson-orin-nano');
    assert.equal(thermals.sensor, 'cpu-thermal');
    assert.equal(thermals.temperatureC, 49.812);
  });

  it('says what it could not find out', async () => {
    const { gaps, thermals } = await probeBoard('x86-vnni-vm');
    assert.equal(thermals.temperatureC, null);
    assert.deepEqual(
      gaps.map((gap) => gap.split(':')[0]),
      ['board', 'temperature', 'clock'],
    );
    assert.deepEqual((await probeBoard('raspberry-pi-5')).gaps, []);
  });

  it('asks the system only for what the files lack', async () => {
    const systemFacts = async () => ({ board: 'Asked Board' });
    const withoutTree = await probeHardware({ root: join(boards, 'x86-vnni-vm'), systemFacts });
    const withTree = await probeHardware({ root: join(boards, 'raspberry-pi-5'), systemFacts });
    assert.equal(withoutTree.board, 'Asked Board');
    assert.equal(withTree.board, 'Raspberry Pi 5 Model B Rev 1.0');
  });
});

describe('probing a system that tells little', () => {
  const folder = mkdtempSync(join(tmpdir(), 'octet-board-'));
  after(() => rmSync(folder, { recursive: true }));

  it('reports gaps instead of failing when there is nothing to read', async () => {
    const report = await probeHardware({ root: join(folder, 'absent') });
    assert.equal(report.board, 'unknown');
    assert.equal(report.cpu.cores, 0);
    assert.equal(report.int8.family, 'none');
    assert.equal(report.gaps.length, 6);
  });

  it('survives files that hold something else', async () => {
    const board = join(folder, 'odd');
    cpSync(join(boards, 'raspberry-pi-5'), board, { recursive: true });
    for (const file of ['proc/cpuinfo', 'proc/meminfo', 'sys/class/thermal/thermal_zone0/temp'])
      writeFileSync(join(board, file), '\u0000\u00ffno colon here\n\nprocessor: x\n:\n');
    const report = await probeHardware({ root: board });
    assert.equal(report.cpu.cores, 0);
    assert.equal(report.memory.totalBytes, null);
    assert.equal(report.thermals.temperatureC, null);
  });

  it('counts only the features that every core has', async () => {
    const board = join(folder, 'uneven');
    cpSync(join(boards, 'raspberry-pi-5'), board, { recursive: true });
    const core = (id: number, features: string) =>
      `processor : ${id}\nFeatures : ${features}\nCPU implementer : 0x41\nCPU part : 0xd0b\n\n`;
    writeFileSync(join(board, 'proc/cpuinfo'), core(0, 'fp asimd asimddp') + core(1, 'fp asimd'));
    assert.deepEqual((await probeHardware({ root: board })).cpu.features, ['neon']);
  });

  it('describes this very machine', async () => {
    const report = await probeHardware();
    assert.ok(report.cpu.cores >= 1);
    assert.ok((report.memory.totalBytes ?? 0) > 0);
    assert.notEqual(report.kernel, 'unknown');
  });
});
