import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type HardwareReport, probeHardware } from '../../../runtime/hardware/probe.ts';
import { readingsUnder } from '../../../runtime/hardware/readings.ts';
import type { AskTool } from '../../../runtime/hardware/vcgencmd.ts';

const boards = join(import.meta.dirname, '../../boards');
const probeBoard = (board: string): Promise<HardwareReport> => probeHardware({ root: join(boards, board) });

/** Board → name, chip, processor, the int8 features, the family of integer kernels. */
const expectations = {
  'raspberry-pi-zero-2-w': ['Raspberry Pi Zero 2 W Rev 1.0', 'BCM2837', 'Cortex-A53', ['neon'], 'neon'],
  'raspberry-pi-3': ['Raspberry Pi 3 Model B Rev 1.2', 'BCM2837', 'Cortex-A53', ['neon'], 'neon'],
  'raspberry-pi-4': ['Raspberry Pi 4 Model B Rev 1.4', 'BCM2711', 'Cortex-A72', ['neon'], 'neon'],
  'raspberry-pi-4-32-bit': ['Raspberry Pi 4 Model B Rev 1.4', 'BCM2711', 'Cortex-A72', ['neon'], 'neon'],
  'raspberry-pi-5': ['Raspberry Pi 5 Model B Rev 1.0', 'BCM2712', 'Cortex-A76', ['neon', 'dotprod', 'fp16'], 'dotprod'],
  'jetson-nano': ['NVIDIA Jetson Nano Developer Kit', 'TEGRA210', 'Cortex-A57', ['neon'], 'neon'],
  'jetson-xavier-nx': ['NVIDIA Jetson Xavier NX Developer Kit', 'TEGRA194', 'Carmel', ['neon', 'fp16'], 'neon'],
  'jetson-orin-nano': [
    'NVIDIA Jetson Orin Nano Developer Kit',
    'TEGRA234',
    'Cortex-A78AE',
    ['neon', 'dotprod', 'fp16'],
    'dotprod',
  ],
  'rock-5b': ['Radxa ROCK 5B', 'RK3588', '4× Cortex-A76 + 4× Cortex-A55', ['neon', 'dotprod', 'fp16'], 'dotprod'],
  'arm64-generic': [
    'unknown',
    'Neoverse-V1',
    'Neoverse-V1',
    ['neon', 'dotprod', 'i8mm', 'sve', 'svei8mm', 'fp16', 'bf16'],
    'i8mm',
  ],
  'x86-amx-server': [
    'unknown',
    'Intel(R) Xeon(R) Platinum 8480+',
    'Intel(R) Xeon(R) Platinum 8480+',
    ['avx2', 'avx512', 'avx_vnni', 'avx512_vnni', 'avx512_fp16', 'avx512_bf16', 'amx_int8', 'amx_bf16'],
    'amx',
  ],
  'x86-avx2-vm': ['unknown', 'AMD EPYC', 'AMD EPYC', ['avx2'], 'avx2'],
  'x86-vnni-vm': [
    'unknown',
    'AMD EPYC',
    'AMD EPYC',
    ['avx2', 'avx512', 'avx_vnni', 'avx512_vnni', 'avx512_bf16'],
    'vnni',
  ],
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
      { model: 'Cortex-A76', cores: 4, physicalCores: 4, cpus: [4, 5, 6, 7], maxFrequencyMHz: 2400 },
      { model: 'Cortex-A55', cores: 4, physicalCores: 4, cpus: [0, 1, 2, 3], maxFrequencyMHz: 1800 },
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

  it('takes a cooling device of the processor for throttling, and a fan for none', async () => {
    assert.deepEqual((await probeBoard('jetson-xavier-nx')).thermals.throttled, ['throttled']);
    assert.deepEqual((await probeBoard('rock-5b')).thermals.throttled, []);
  });

  it('asks the firmware of a Raspberry Pi by its tool where the kernel does not tell, and nobody else', async () => {
    const asked: string[] = [];
    const tool: AskTool = async (program, words) => {
      asked.push([program, ...words].join(' '));
      return 'throttled=0x50004\n';
    };
    const board = join(mkdtempSync(join(tmpdir(), 'octet-board-')), 'pi');
    cpSync(join(boards, 'raspberry-pi-5'), board, { recursive: true });
    rmSync(join(board, 'sys/devices/platform'), { recursive: true });
    const { thermals } = await probeHardware({ root: board, tool });
    rmSync(join(board, '..'), { recursive: true });
    assert.deepEqual(
      [thermals.throttled, thermals.throttledSinceBoot],
      [['throttled'], ['under-voltage', 'throttled']],
    );
    for (const other of ['raspberry-pi-4', 'rock-5b']) await probeHardware({ root: join(boards, other), tool });
    assert.deepEqual(asked, ['vcgencmd get_throttled']);
  });

  it('reads zones by type and leaves out those that are off or stand still', async () => {
    const { zones } = await probeBoard('jetson-xavier-nx');
    assert.deepEqual(zones, [
      { type: 'CPU-therm', temperatureC: 47.5 },
      { type: 'AUX-therm', temperatureC: 46.5 },
      { type: 'AO-therm', temperatureC: 46 },
    ]);
  });

  it('reads the power rails of Jetson boards, new driver and old, the whole board first', async () => {
    const wattsOf = async (board: string) =>
      (await probeBoard(board)).power.map(({ name, scope, watts }) => [name, scope, watts?.toFixed(3)]);
    // 4968 mV × 912 mA, and so on; the sum of shunt voltages is no rail.
    assert.deepEqual(await wattsOf('jetson-xavier-nx'), [
      ['VDD_IN', 'board', '4.531'],
      ['VDD_CPU_GPU_CV', 'processor', '0.914'],
      ['VDD_SOC', 'processor', '1.113'],
    ]);
    assert.deepEqual((await wattsOf('jetson-nano'))[0], ['POM_5V_IN', 'board', '2.143']);
    assert.deepEqual(await wattsOf('raspberry-pi-5'), []);
  });

  it('reads governor, range and clock of every group of cores', async () => {
    const { clocks } = await probeBoard('jetson-nano');
    assert.deepEqual(clocks, [
      { cpus: [0, 1, 2, 3], governor: 'schedutil', minMHz: 102, maxMHz: 922, currentMHz: 922, hardwareMaxMHz: 1479 },
    ]);
    assert.equal((await probeBoard('rock-5b')).clocks.length, 3);
  });

  it('tells swap in compressed memory from swap on a card', async () => {
    const { swap } = (await probeBoard('raspberry-pi-3')).memory;
    assert.deepEqual(swap, [{ name: '/dev/zram0', kind: 'zram', sizeBytes: 930_288 * 1024, usedBytes: 50_176 * 1024 }]);
    assert.equal((await probeBoard('raspberry-pi-zero-2-w')).memory.swap[0]?.kind, 'file');
    assert.equal((await probeBoard('jetson-nano')).memory.swap.length, 4);
  });

  /** Board → what deserves a sentence there, in order. */
  const remarks = {
    'raspberry-pi-zero-2-w': [/cool the board/, /swapped to disk/],
    'raspberry-pi-3': [/earlier since boot/, /zram/],
    'raspberry-pi-4': [/stronger supply/, /cool the board/],
    'raspberry-pi-4-32-bit': [/install the 64-bit image/],
    'raspberry-pi-5': [],
    'jetson-nano': [/power mode/],
    'jetson-xavier-nx': [/cool the board/, /power mode/],
    'jetson-orin-nano': [],
    'rock-5b': [/taskset -c 4,5,6,7/],
    'arm64-generic': [],
    'x86-amx-server': [],
    'x86-avx2-vm': [],
    'x86-vnni-vm': [],
  } as const satisfies Record<keyof typeof expectations, readonly RegExp[]>;
  for (const [folder, expected] of Object.entries(remarks)) {
    it(`says what would spoil figures on ${folder}`, async () => {
      const { remarks: said } = await probeBoard(folder);
      assert.equal(said.length, expected.length, said.join('\n'));
      for (const [at, pattern] of expected.entries()) assert.match(said[at]!, pattern);
    });
  }

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

  it('recognises a 32-bit system on a 64-bit kernel', async () => {
    const board = join(folder, 'narrow');
    cpSync(join(boards, 'raspberry-pi-4'), board, { recursive: true });
    assert.deepEqual((await probeHardware({ root: board })).system, { kernelBits: 64, userlandBits: 64 });
    renameSync(join(board, 'lib/ld-linux-aarch64.so.1'), join(board, 'lib/ld-linux-armhf.so.3'));
    const { system, remarks } = await probeHardware({ root: board });
    assert.deepEqual(system, { kernelBits: 64, userlandBits: 32 });
    assert.match(remarks[0]!, /install the 64-bit image/);
  });

  it('says which files refuse to be read for want of permission, and goes on without them', async () => {
    const root = join(boards, 'raspberry-pi-5');
    const readings = readingsUnder(root, (path) => {
      if (!/thermal|get_throttled/.test(path)) return readFileSync(path, 'latin1');
      throw Object.assign(new Error('permission denied'), { code: 'EACCES' });
    });
    const { thermals, gaps } = await probeHardware({ root, readings });
    assert.equal(thermals.temperatureC, null);
    assert.equal(thermals.frequencyMHz, 1500);
    assert.match(gaps.join('\n'), /permission: \d+ files refuse to be read, such as \/sys\/\S+ \(sudo octet probe\)/);
  });

  it('names a meter that it may not read as a gap', async () => {
    const board = join(folder, 'metered');
    cpSync(join(boards, 'x86-vnni-vm'), board, { recursive: true });
    const meter = join(board, 'sys/class/powercap/intel-rapl:0');
    mkdirSync(meter, { recursive: true });
    writeFileSync(join(meter, 'name'), 'package-0\n');
    const { power, gaps } = await probeHardware({ root: board });
    assert.deepEqual(power, [{ name: 'package-0', scope: 'processor', watts: null, isReadable: false }]);
    assert.match(gaps.at(-1)!, /package-0 cannot be read/);
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
