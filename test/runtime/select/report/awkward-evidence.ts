/** Records that a report must stand up to: many contenders close together, nothing left, nothing labelled, a board that was held back. */
import type { Evidence } from '../../../../runtime/select/evidence.ts';
import type { TrialEvidence } from '../../../../runtime/select/trial-evidence.ts';
import { recordedEvidence, recordedTrial } from '../recorded-evidence.ts';

type Accuracy = NonNullable<TrialEvidence['accuracy']>;

/** @param lost net loss of correct decisions, a share. */
function labelled(lost: number): Accuracy {
  return {
    ...{ metric: 'net loss', value: lost, bound: lost + 0.004, limit: 0.01, windows: 800, moreWindows: null },
    ...{ verdict: lost > 0.01 ? 'exceeded' : 'within', accuracy: 0.93 - lost, baselineAccuracy: 0.93, agreement: 0.99 },
    discordance: { lost: 8, gained: 4, total: 800 },
  };
}

function changed(share: number): Accuracy {
  const none = { accuracy: null, baselineAccuracy: null, discordance: null };
  const counted = { windows: 800, moreWindows: null, agreement: 1 - share } as const;
  return { ...none, ...counted, metric: 'changed', value: share, bound: share + 0.006, limit: 0.02, verdict: 'within' };
}

/** Twelve contenders, several almost at the same spot, one far off in both directions. */
export function crowded(): Evidence {
  const names = ['dynamic', 'static-u8s8-min-max', 'static-u8s8-mse', 'weight-only-4', 'static-u8s8-percentile'];
  const twins = names.flatMap((name, at) => [
    recordedTrial(name, 1.4 + at * 0.12, { accuracy: labelled(0.001 * at) }),
    recordedTrial(`${name}, 2 threads`, 1.45 + at * 0.13, { accuracy: labelled(0.001 * at) }),
  ]);
  const trials = [
    recordedTrial('float32', null),
    ...twins,
    recordedTrial('weight-only-2, no arena', 0.2, {
      accuracy: labelled(0.31),
      fate: 'refused',
      reason: 'loses 31 points',
    }),
    recordedTrial('static-u8s8-entropy', 2.4, { accuracy: labelled(0.004), fate: 'chosen', reason: 'the fastest' }),
  ];
  return recordedEvidence({ trials, chosen: 'static-u8s8-entropy' });
}

/** Every variant failed or was refused; float32 misses the memory demanded. */
export function hopeless(): Evidence {
  const dead = { alone: null, paired: null, fate: 'failed' as const };
  const trials = [
    recordedTrial('float32', null, { fate: 'chosen', reason: 'closest: needs 114 MiB of memory, 64 MiB are allowed' }),
    recordedTrial('static', 2, {
      ...dead,
      failure: 'a crash in native code (SIGABRT)',
      reason: 'a crash in native code',
    }),
    recordedTrial('dynamic', 2, { ...dead, failure: 'needs more than 200 MiB', reason: 'needs more than 200 MiB' }),
  ];
  const verdict = 'Nothing meets the constraints; float32 comes closest: needs 114 MiB of memory, 64 MiB are allowed.';
  return recordedEvidence({ trials, chosen: 'float32', outcome: 'closest', verdict, timeline: [] });
}

/** Only the model itself, for a device without any sensor. */
export function alone(): Evidence {
  const trials = [recordedTrial('float32', null, { fate: 'chosen', reason: 'nothing else to try' })];
  const timeline = [0, 1000, 2000].map((atMs) => ({
    ...{ atMs, temperatureC: null, frequencyMHz: null, load1: 0.4, throttled: [] },
  }));
  return recordedEvidence({ trials, chosen: 'float32', verdict: 'float32 stays.', timeline });
}

/** No labels, a board that became hot and was held back for a while, and names that are markup. */
export function unlabelledAndHot(): Evidence {
  const timeline = Array.from({ length: 60 }, (_, second) => ({
    ...{ atMs: second * 1000, temperatureC: 48 + 35 * (1 - Math.exp(-second / 15)), load1: 1 },
    ...(second > 40 ? { frequencyMHz: 1500, throttled: ['throttled'] } : { frequencyMHz: 2400, throttled: [] }),
  }));
  const trials = [
    recordedTrial('float32', null),
    recordedTrial('<b>static</b>', 2, { accuracy: changed(0.004), fate: 'chosen' }),
    recordedTrial('dynamic', 1.1, { accuracy: changed(0) }),
  ];
  const doubts = ['the board was throttled'];
  return recordedEvidence({ trials, chosen: '<b>static</b>', timeline, doubts });
}
