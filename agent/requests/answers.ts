/** What the device answers: one row per request. Nothing here changes anything. */
import type { z } from 'zod';
import type { ModelFolder } from '../../models/manifest.ts';
import type { Clock } from '../../runtime/base/clock.ts';
import { OctetError } from '../../runtime/base/errors.ts';
import type { LogTail } from '../jobs/log-tail.ts';
import type { ActiveSlot, JobSurroundings } from '../jobs/performers.ts';
import type { SystemReading } from '../ports.ts';
import type { Reported, TrialRow } from '../protocol/messages.ts';
import type { RequestName, requestArgs } from '../protocol/orders.ts';
import type { StoredDesired } from '../twin/twin.ts';
import type { Check } from './self-check.ts';

type Answer<N extends RequestName> = (
  args: z.output<(typeof requestArgs)[N]>,
  signal: AbortSignal,
) => Promise<unknown> | unknown;

export type Answers = { readonly [N in RequestName]: Answer<N> };

export type AnswerSurroundings = Pick<JobSurroundings, 'activeSlot' | 'readModel' | 'runBench'> & {
  readonly clock: Clock;
  readonly version: string;
  readonly logTail: LogTail;
  readonly readSystem: () => SystemReading;
  readonly reported: () => Reported;
  readonly refusedCounts: () => ReadonlyMap<string, number>;
  readonly waiting: () => number;
  readonly unsettledJobs: () => readonly { readonly id: string; readonly type: string; readonly state: string }[];
  readonly selfCheck: () => readonly Check[];
  readonly desired: () => StoredDesired | undefined;
  readonly trials: (slot: string) => readonly TrialRow[];
};

export function createAnswers(surroundings: AnswerSurroundings): Answers {
  const { clock, version, logTail, readSystem, reported, waiting, unsettledJobs, selfCheck } = surroundings;
  return {
    ping: () => ({ ts: clock.wallMs(), upMs: Math.round(clock.monotonicMs()), agent: version }),

    snapshot: () => {
      const { pssBytes, ...system } = readSystem();
      const jobs = unsettledJobs().map(({ id, type, state }) => ({ id, type, state }));
      const refusedOrders = Object.fromEntries(surroundings.refusedCounts());
      return {
        ts: clock.wallMs(),
        system: { ...system, agentPssBytes: pssBytes('self') },
        waiting: waiting(),
        ...reported(),
        jobs,
        refusedOrders,
      };
    },

    'tail-log': ({ lines }) => ({ lines: logTail.last(lines) }),

    'bench-quick': async ({ slot, durationMs }, signal) => {
      const { active, threads, recording } = surroundings.activeSlot(slot);
      if (active === null) throw nothingActive();
      const model = await surroundings.readModel(active.model.folder);
      const work = { modelPath: active.path, model, recording, threads, durationMs };
      const report = await surroundings.runBench(work, { signal, onProgress: () => undefined });
      const { latency, throughputPerSecond, isReliable, memory, inputs } = report;
      return {
        model: active.model.name,
        variant: active.variant,
        latency,
        throughputPerSecond,
        isReliable,
        memory,
        inputs,
      };
    },

    'self-check': () => {
      const checks = selfCheck();
      return { isHealthy: checks.every(({ isOk }) => isOk), checks };
    },

    explain: async ({ slot }) => {
      const found = surroundings.activeSlot(slot);
      if (found.active === null) throw nothingActive();
      const model = await surroundings.readModel(found.active.model.folder);
      return explanation(found, found.active, model, surroundings);
    },
  };
}

/** From what runs back to model, variant, evidence, data and signature. */
function explanation(
  { slot, recording }: ActiveSlot,
  { model, variant, sha256, verdict }: NonNullable<ActiveSlot['active']>,
  { manifest }: ModelFolder,
  { desired, trials }: AnswerSurroundings,
) {
  const wanted = desired();
  const order = wanted?.slots.find((entry) => entry.slot === slot && entry.digest === model.digest);
  return {
    slot,
    model: { name: model.name, version: model.version, manifestSha256: model.digest, license: manifest.license },
    provenance: manifest.provenance,
    variant: { name: variant, sha256, verdict },
    evidence: trials(slot),
    calibration: recording === null ? null : { recording },
    order:
      wanted && order
        ? { desiredVersion: wanted.version, operator: wanted.operator, key: wanted.kid }
        : { by: 'a job, or the configuration file of the device' },
  };
}

function nothingActive(): OctetError {
  return new OctetError('ORDER_REJECTED', 'slot: expected an active model, got none', {
    hint: 'See how far its deployment is: octet fleet show DEVICE',
  });
}
