import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Counters, disturbancesBetween, readCounters } from '../../../runtime/measure/disturbance.ts';

const before: Counters = {
  atMs: 5000,
  waitedMs: 20,
  cpuMs: 1000,
  involuntarySwitches: 7,
  majorFaults: 3,
  stolenTicks: 100,
  allTicks: 10_000,
  swappedIn: 50,
  heatEvents: 0,
};
/** One second of undisturbed work on one thread of a machine with two processors. */
const calm: Counters = { ...before, atMs: 6000, waitedMs: 30, cpuMs: 2000, allTicks: 10_200 };
const kindsAfter = (change: Partial<Counters>, threads = 1) =>
  disturbancesBetween(before, { ...calm, ...change }, threads).map(({ kind }) => kind);

describe('a window of timings', () => {
  it('is undisturbed when the process had its processor', () => {
    assert.deepEqual(kindsAfter({}), []);
  });

  it('was starved when it waited for a processor more than a twentieth of the time, of each thread', () => {
    assert.deepEqual(kindsAfter({ waitedMs: 120 }), ['starved']);
    assert.deepEqual(kindsAfter({ waitedMs: 120 }, 4), []);
  });

  it('was starved when processor time is missing and the kernel does not count waiting', () => {
    assert.deepEqual(kindsAfter({ waitedMs: null, cpuMs: 1900 }), ['starved']);
    assert.deepEqual(kindsAfter({ waitedMs: null }), []);
  });

  it('was starved when the host took processors away', () => {
    assert.deepEqual(kindsAfter({ stolenTicks: 120 }), ['starved']);
    assert.deepEqual(kindsAfter({ stolenTicks: 105 }), []);
  });

  it('was swapped when pages came back from swap to this process, not to another', () => {
    assert.deepEqual(kindsAfter({ swappedIn: 60, majorFaults: 5 }), ['swapped']);
    assert.deepEqual(kindsAfter({ swappedIn: 60 }), []);
    assert.deepEqual(kindsAfter({ majorFaults: 5 }), []);
  });

  it('was throttled when a core counted heat', () => {
    assert.deepEqual(kindsAfter({ heatEvents: 1 }), ['throttled']);
  });

  it('says how much was lost', () => {
    const [found] = disturbancesBetween(before, { ...calm, waitedMs: 270, involuntarySwitches: 107 }, 1);
    assert.equal(found?.text, 'waited for a processor 25 % of the time (100 involuntary switches)');
  });
});

describe('the counters of the kernel', () => {
  const files: Readonly<Record<string, string>> = {
    '/proc/stat': 'cpu  10 1 20 300 4 0 5 60 7 0\ncpu0 1 1 1 1 1 1 1 1 0 0',
    '/proc/vmstat': 'pswpout 9\npswpin 42\n',
    '/proc/self/task/11/schedstat': '5000000 2000000 3',
    '/proc/self/task/12/schedstat': '5000000 1500000 3',
    '/sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count': '2',
    '/sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count': '3',
  };
  const names: Readonly<Record<string, string[]>> = {
    '/proc/self/task': ['11', '12'],
    '/sys/devices/system/cpu': ['cpu0', 'cpu1', 'cpufreq'],
  };
  const readings = {
    text: (path: string) => files[path],
    number: (path: string) => (files[path] === undefined ? undefined : Number(files[path])),
    names: (folder: string) => names[folder] ?? [],
  };

  it('are read from its files', () => {
    const { waitedMs, stolenTicks, allTicks, swappedIn, heatEvents } = readCounters(0, readings);
    assert.deepEqual([waitedMs, stolenTicks, allTicks, swappedIn, heatEvents], [3.5, 60, 400, 42, 5]);
  });

  it('are nothing, not an error, where the files are missing', () => {
    const nothing = { text: () => undefined, number: () => undefined, names: () => [] };
    const counters = readCounters(0, nothing);
    assert.equal(counters.waitedMs, null);
    assert.deepEqual([counters.stolenTicks, counters.allTicks, counters.swappedIn, counters.heatEvents], [0, 0, 0, 0]);
  });
});
