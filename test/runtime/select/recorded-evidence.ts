/** A record of a selection as tests need it: float32, an int8 form that won, and one that lost; change what a test is about. */
import { plainSettings } from '../../../runtime/measure/session-settings.ts';
import { type Evidence, evidenceSchema } from '../../../runtime/select/evidence.ts';
import type { TrialEvidence } from '../../../runtime/select/trial-evidence.ts';

export const modelSha256 = 'a'.repeat(64);

const calm = {
  ...{ temperatureC: 50, sensor: 'cpu-thermal', throttled: [], throttledSinceBoot: [] },
  ...{ frequencyMHz: 2400, maxFrequencyMHz: 2400, governor: 'performance', load1: 0.2 },
};
const around = { before: calm, after: calm };

function latency(us: number) {
  const quantilesUs = Array.from({ length: 101 }, (_, percent) => us * (0.95 + percent / 1000));
  return { p50Us: us, p90Us: us * 1.04, p95Us: us * 1.045, p99Us: us * 1.05, meanUs: us, calls: 1000, quantilesUs };
}

/** @param speedup over float32's 100 µs; null for float32 itself. */
export function recordedTrial(
  name: string,
  speedup: number | null,
  changes: Partial<TrialEvidence> = {},
): TrialEvidence {
  const estimate = speedup === null ? null : { value: speedup, low: speedup * 0.97, high: speedup * 1.03 };
  const us = 100 / (speedup ?? 1);
  return {
    ...{ name, variant: name, settings: plainSettings(1), sizeBytes: 10_000, nodes: [], failure: null },
    sha256: speedup === null ? modelSha256 : name.charCodeAt(0).toString(16).padStart(2, '0').repeat(32),
    recipe: null,
    alone: {
      ...{
        loadMs: 10,
        firstUs: 900,
        latency: latency(us),
        throughputPerSecond: 1e6 / us,
        peakBytes: 120e6,
        pssBytes: 90e6,
      },
      ...{ energy: null, isStable: true, ...around },
    },
    paired: estimate && {
      ...{ float32: latency(100), variant: latency(us), callsPerBlock: 100, isStable: true, blocks: [] },
      ...{ speedup: estimate, throughputGain: estimate, ...around },
    },
    accuracy: null,
    fate: 'beaten',
    reason: 'as recorded',
    ...changes,
  };
}

export function recordedEvidence(changes: Partial<Evidence> = {}): Evidence {
  const trials = [
    recordedTrial('float32', null),
    recordedTrial('static', 2, { fate: 'chosen' }),
    recordedTrial('dynamic', 1.5),
  ];
  return evidenceSchema.parse({
    ...{
      format: 2,
      createdMs: 1_790_000_000_000,
      durationMs: 30_000,
      outcome: 'met',
      verdict: 'static: twice as fast.',
    },
    spentMs: { preparing: 1000, building: 4000, searching: 0, measuring: 25_000 },
    ...{ chosen: 'static', chosenSha256: trials[1]!.sha256 },
    model: {
      ...{
        path: '/models/m.onnx',
        sha256: modelSha256,
        featuresPath: null,
        featuresSha256: null,
        task: null,
        pipeline: null,
      },
    },
    data: { paths: ['/data/d.npz'], sha256: 'd'.repeat(64), heldOut: '300 held-out samples', heldOutWindows: 300 },
    demands: {
      ...{ objective: 'latency', latencyP95Us: null, memoryBytes: null, memoryIncrementBytes: null },
      ...{ maxDrop: 0.01, maxDisagreement: 0.02, timeMs: 60_000, usual: plainSettings(1), searched: true },
    },
    environment: {
      ...{ octet: '0.1.0', node: '24.21.0', onnxRuntime: '1.30.0', board: 'Raspberry Pi 5', soc: 'BCM2712' },
      ...{ kernel: '6.6', arch: 'arm64', cores: 4, cpuFeatures: ['neon', 'dotprod'] },
    },
    timeline: [
      { atMs: 0, temperatureC: 50, frequencyMHz: 2400, load1: 0.2, throttled: [] },
      { atMs: 1000, temperatureC: 61, frequencyMHz: 2400, load1: 1, throttled: [] },
    ],
    ...{ floorBytes: 100e6, doubts: [] },
    search: {
      ...{ mode: 'full', note: '', reference: null },
      rounds: [{ atMs: 5000, budgetMs: 400, contenders: ['static', 'dynamic'] }],
    },
    trials,
    excluded: [{ variant: 'weight-only', reason: 'only 900 weights' }],
    ...changes,
  });
}
