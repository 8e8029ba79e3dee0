/** A device as the broker sees it: messages of protocol `octet/1`, made up but complete, published by a real client. */
import mqtt from 'mqtt';
import type { Info, Reported, Status, Telemetry, TrialRow } from '../../../agent/protocol/messages.ts';
import { topics } from '../../../agent/protocol/topics.ts';

export const deviceId = 'bench-1';

const labels = [
  'pendulum',
  'abduction',
  'forward-elevation',
  'internal-rotation',
  'external-rotation',
  'lower-trapezius-row',
  'bent-over-row',
] as const;

export const status: Status = { online: true, sess: 3, bootId: 'b', ts: 1_800_000_000_000, agent: '0.1.0' };

export const info: Info = {
  proto: 'octet/1',
  device: deviceId,
  board: 'Made-up board',
  soc: 'made-up chip',
  arch: 'arm64',
  cores: 4,
  cpuFeatures: ['neon', 'fp16', 'dotprod'],
  memoryBytes: 3_977_478_144,
  onnxRuntime: '1.30.0',
  node: '24.21.0',
  agent: '0.1.0',
  simulated: ['sensor replayed from recordings'],
};

export function trial(variant: string, p50Us: number, extra: Partial<TrialRow> = {}): TrialRow {
  return {
    variant,
    sha256: variant.padEnd(64, '0'),
    sizeBytes: variant === 'float32' ? 912_000 : 248_000,
    p50Us,
    p90Us: p50Us * 1.1,
    p99Us: p50Us * 1.5,
    speedup: 412 / p50Us,
    throughputPerSecond: 1e6 / p50Us,
    loadMs: 18,
    peakMemoryBytes: 96_000_000,
    memoryIncrementBytes: 8_000_000,
    accuracy: 0.951,
    agreement: 0.994,
    heldOutWindows: 512,
    chosen: false,
    reason: 'lost: slower than the chosen variant',
    ...extra,
  };
}

const trials = [
  trial('float32', 412, {
    accuracy: 0.953,
    agreement: 1,
    reason: 'the model as it came; every other row is compared with it',
  }),
  trial('static-u8s8', 168, { chosen: true, reason: 'fastest variant within the accuracy budget of 1 point' }),
  trial('static-s8s8', 231, { reason: '38 % slower than static-u8s8' }),
  trial('dynamic', 1630, { accuracy: 0.949, reason: '4 times slower than float32: no integer kernel for Conv here' }),
];

export type Slot = Reported['slots'][number];

export function reported(slot: Partial<Slot> = {}): Reported {
  return {
    desiredVersion: 0,
    slots: [
      {
        slot: 'main',
        state: 'succeeded',
        progress: 1,
        detail: 'active',
        since: 1_800_000_000_000,
        active: {
          model: 'watch-exercise',
          version: '1.0.0',
          variant: 'static-u8s8',
          sha256: 'static-u8s8'.padEnd(64, '0'),
          verdict:
            'static-u8s8 is 2.45 times as fast as float32 and loses 0.2 points on 512 held-out windows, within the budget of 1 point.',
        },
        trials,
        error: null,
        ...slot,
      },
    ],
  };
}

/** `count` decisions from sequence number `first` on, 160 ms apart; each twenty-third one is wrong. */
export function decisions(first: number, count: number, epoch = 'e1'): Telemetry {
  const pts = Array.from({ length: count }, (_, index) => {
    const seq = first + index;
    const truth = labels[Math.floor(seq / 11) % labels.length]!;
    const label = seq % 23 === 22 ? labels[(Math.floor(seq / 11) + 2) % labels.length]! : truth;
    const latencyUs = 190 + ((seq * 7919) % 61) + (seq % 37 === 0 ? 160 : 0);
    return [1_800_000_000_000_000 + seq * 160_000, seq, label, 0.86 + ((seq * 31) % 14) / 100, latencyUs, truth];
  });
  return { stream: 'decisions', epoch, first, last: first + count - 1, hist: false, pts };
}

/** `count` system points from `first` on, 5 s apart. */
export function system(first: number, count: number, hasSensor: boolean, epoch = 'e1'): Telemetry {
  const pts = Array.from({ length: count }, (_, index) => {
    const seq = first + index;
    const wave = Math.sin(seq / 6);
    return [
      1_800_000_000_000_000 + seq * 5_000_000,
      seq,
      hasSensor ? 52 + 4 * wave : null,
      0.22 + 0.06 * wave,
      3.1e9,
      68e6 + seq * 1e4,
      84e6 + wave * 1e6,
    ];
  });
  return { stream: 'system', epoch, first, last: first + count - 1, hist: false, pts };
}

/** A connected client that publishes as the device; retained as the protocol says. */
export async function connectDevice(url: string) {
  const client = await mqtt.connectAsync(url);
  const send = (topic: string, payload: unknown, retain: boolean) =>
    client.publishAsync(topic, typeof payload === 'string' ? payload : JSON.stringify(payload), { qos: 1, retain });
  return {
    status: (body: Status) => send(topics.status(deviceId), body, true),
    info: (body: unknown) => send(topics.info(deviceId), body, true),
    reported: (body: unknown) => send(topics.reported(deviceId), body, true),
    telemetry: (body: Telemetry) => send(topics.telemetry(deviceId, body.stream), body, false),
    raw: send,
    end: () => client.endAsync(true),
  };
}
