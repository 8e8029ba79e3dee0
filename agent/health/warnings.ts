/**
 * What can be wrong with a device, as a table: how bad it is, how long it must last before anyone is told, and what it
 * follows from. What follows from something that is wrong already is not told: without an active model nothing decides, of course.
 */
import type { ClockTrust } from '../../runtime/hardware/clock-sync.ts';
import type { ThrottleReason } from '../../runtime/hardware/thermals.ts';
import type { State } from '../protocol/messages.ts';

export type SlotFacts = {
  readonly slot: string;
  readonly phase: State;
  readonly isActive: boolean;
  readonly isDemoted: boolean;
  /** Since its last decision; null when there was none yet. */
  readonly silentMs: number | null;
  /** Since its runner was last heard of; null when there is none. */
  readonly unheardMs: number | null;
  /** Crashes of its runner within the last hour. */
  readonly crashes: number;
};

export type HealthFacts = {
  readonly isConnected: boolean;
  readonly hasRoom: boolean;
  readonly clock: ClockTrust;
  readonly memoryAvailableBytes: number | null;
  readonly throttled: readonly ThrottleReason[] | null;
  /** Bytes in the outbox, as a share of its quota. */
  readonly outboxShare: number;
  readonly slots: readonly SlotFacts[];
};

export type Severity = 'warning' | 'error';

type Warning = {
  readonly severity: Severity;
  /** It must hold for so long. */
  readonly afterMs: number;
  /** Not told while one of these holds. */
  readonly dependsOn: readonly string[];
  /** What is wrong, in a sentence; undefined when nothing is. */
  readonly text: (facts: HealthFacts) => string | undefined;
};

const minuteMs = 60_000;
const littleMemoryBytes = 32 * 2 ** 20;
const busyOutbox = 0.9;
const manyCrashes = 5;

export const warnings = {
  'disk-nearly-full': {
    ...{ severity: 'error', afterMs: 0, dependsOn: [] },
    text: ({ hasRoom }) => (hasRoom ? undefined : 'the disk is nearly full: telemetry is dropped, and each gap stated'),
  },
  'clock-not-set': {
    ...{ severity: 'warning', afterMs: 2 * minuteMs, dependsOn: [] },
    text: ({ clock }) => (clock.isTrusted ? undefined : `${clock.reason}: nothing that expires is pulled or obeyed`),
  },
  'no-broker': {
    ...{ severity: 'warning', afterMs: minuteMs, dependsOn: [] },
    text: ({ isConnected }) => (isConnected ? undefined : 'no connection to the broker: messages wait here'),
  },
  'outbox-nearly-full': {
    ...{ severity: 'warning', afterMs: minuteMs, dependsOn: ['disk-nearly-full'] },
    text: ({ outboxShare: share }) =>
      share > busyOutbox
        ? `the outbox is ${Math.round(100 * share)} % full: the oldest telemetry goes first`
        : undefined,
  },
  'little-memory': {
    ...{ severity: 'warning', afterMs: minuteMs, dependsOn: [] },
    text: ({ memoryAvailableBytes: bytes }) =>
      bytes !== null && bytes < littleMemoryBytes ? `${Math.round(bytes / 2 ** 20)} MiB of memory are left` : undefined,
  },
  'held-back': {
    ...{ severity: 'warning', afterMs: minuteMs, dependsOn: [] },
    text: ({ throttled }) => (throttled?.length ? `the processor is held back: ${throttled.join(', ')}` : undefined),
  },
  'no-model': {
    ...{ severity: 'error', afterMs: 5 * minuteMs, dependsOn: ['clock-not-set', 'disk-nearly-full'] },
    text: ofSlots(({ isActive, phase }) => (isActive ? undefined : `nothing runs (${phase})`)),
  },
  'runner-crashes': {
    ...{ severity: 'error', afterMs: 0, dependsOn: [] },
    text: ofSlots(({ crashes }) =>
      crashes >= manyCrashes ? `its runner crashed ${crashes} times within an hour` : undefined,
    ),
  },
  'runner-silent': {
    ...{ severity: 'error', afterMs: 0, dependsOn: ['runner-crashes', 'no-model'] },
    text: ofSlots(({ unheardMs }) =>
      unheardMs !== null && unheardMs > minuteMs
        ? `its runner gave no sign of life for ${seconds(unheardMs)} s`
        : undefined,
    ),
  },
  'no-decisions': {
    ...{ severity: 'warning', afterMs: minuteMs, dependsOn: ['no-model', 'runner-crashes', 'runner-silent'] },
    text: ofSlots(({ isActive, silentMs }) =>
      isActive && silentMs !== null && silentMs > minuteMs
        ? `it decided last ${seconds(silentMs)} s ago: does its sensor deliver?`
        : undefined,
    ),
  },
  demoted: {
    ...{ severity: 'warning', afterMs: 0, dependsOn: [] },
    text: ofSlots(({ isDemoted }) => (isDemoted ? 'a cooler variant runs until the board has cooled down' : undefined)),
  },
} as const satisfies Record<string, Warning>;

export type WarningCode = keyof typeof warnings;

/** The first slot that has it, by name. */
function ofSlots(text: (slot: SlotFacts) => string | undefined): Warning['text'] {
  return ({ slots }) => {
    for (const slot of slots) {
      const found = text(slot);
      if (found !== undefined) return `slot ${slot.slot}: ${found}`;
    }
    return undefined;
  };
}

function seconds(ms: number): number {
  return Math.round(ms / 1000);
}
