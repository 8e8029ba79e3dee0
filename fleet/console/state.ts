/**
 * Everything that is known about the devices, as one value: `reduce(state, message) → state`, no clock, no network, no
 * page. The console draws it, and the demo's terminal reads it: both know only what came through the broker.
 */
import type { Event, Info, Reported, Status, Telemetry } from '../../agent/protocol/messages.ts';
import { currentStep, type Step } from './figures.ts';
import type { Received } from './received.ts';
import {
  type Decision,
  decisionsFrom,
  freshPoints,
  mergePoints,
  type StreamPoint,
  type SystemPoint,
  systemPointsFrom,
} from './stream.ts';
import { addTallies, noTally, type Tally, tallyOf } from './tally.ts';

export type Link = 'connecting' | 'connected' | 'lost';

export type Message = Received | { readonly kind: 'link'; readonly link: Link; readonly problem?: string };

export type DeviceState = {
  readonly id: string;
  readonly status?: Status;
  readonly info?: Info;
  readonly reported?: Reported;
  /** Slot → the last step of a deployment that it was seen at. */
  readonly lastSteps: ReadonlyMap<string, Step>;
  /** Ordered by time, each once, the newest `limits.decisions`. */
  readonly decisions: readonly Decision[];
  /** Of all decisions, also those that are not kept. */
  readonly tally: Tally;
  readonly system: readonly SystemPoint[];
  /** Newest last. */
  readonly events: readonly Event[];
  /** Labels in the order in which they were first seen, so that a label keeps its colour. */
  readonly labels: readonly string[];
  /** Ranges that the device says it had to drop: stream, epoch and range → points lost. */
  readonly gaps: ReadonlyMap<string, number>;
};

export type FleetState = {
  readonly link: Link;
  readonly linkProblem?: string;
  readonly devices: ReadonlyMap<string, DeviceState>;
  readonly malformed: { readonly count: number; readonly last?: string };
};

/** 2,000 decisions are half an hour at one a second; 720 system points are two hours at one in ten seconds. */
export const limits = { decisions: 2000, system: 720, events: 50 } as const;

export const initialState: FleetState = { link: 'connecting', devices: new Map(), malformed: { count: 0 } };

export function reduce(state: FleetState, message: Message): FleetState {
  switch (message.kind) {
    case 'link':
      return linkChanged(state, message);
    case 'malformed': {
      const last = `${message.topic}: ${message.problem}`;
      return { ...state, malformed: { count: state.malformed.count + 1, last } };
    }
    default: {
      const device = state.devices.get(message.device) ?? newDevice(message.device);
      const changed = reduceDevice(device, message);
      return changed === device && state.devices.has(device.id) ? state : withDevice(state, changed);
    }
  }
}

type DeviceMessage = Exclude<Received, { kind: 'malformed' }>;

function reduceDevice(device: DeviceState, message: DeviceMessage): DeviceState {
  switch (message.kind) {
    case 'status':
      return isVoidDeath(device.status, message.body) ? device : { ...device, status: message.body };
    case 'info':
      return { ...device, info: message.body };
    case 'reported':
      return { ...device, reported: message.body, lastSteps: stepsSeen(device.lastSteps, message.body) };
    case 'event':
      return { ...device, events: [...device.events, message.body].slice(-limits.events) };
    case 'telemetry':
      return telemetryArrived(device, message.body);
    default:
      return message satisfies never;
  }
}

function stepsSeen(before: ReadonlyMap<string, Step>, { slots }: Reported): ReadonlyMap<string, Step> {
  const seen = new Map(before);
  for (const slot of slots) {
    const step = currentStep(slot);
    if (step !== undefined) seen.set(slot.slot, step);
  }
  return seen;
}

/** A last will may arrive after the birth of the session that followed: it says nothing. A birth always counts. */
function isVoidDeath(known: Status | undefined, { online, sess }: Status): boolean {
  return !online && known !== undefined && sess < known.sess;
}

function telemetryArrived(device: DeviceState, batch: Telemetry): DeviceState {
  const noted = batch.gap ? withGap(device, batch) : device;
  if (batch.stream === 'system')
    return { ...noted, system: merged(noted.system, systemPointsFrom(batch), limits.system) };
  if (batch.stream === 'decisions') return decisionsArrived(noted, decisionsFrom(batch));
  return noted;
}

function decisionsArrived(device: DeviceState, arrived: readonly Decision[]): DeviceState {
  const fresh = freshPoints(device.decisions, arrived, limits.decisions);
  return {
    ...device,
    decisions: mergePoints(device.decisions, fresh, limits.decisions),
    tally: addTallies(device.tally, tallyOf(fresh)),
    labels: [...new Set([...device.labels, ...fresh.flatMap(labelsOf)])],
  };
}

function merged<P extends StreamPoint>(kept: readonly P[], arrived: readonly P[], limit: number): readonly P[] {
  return mergePoints(kept, freshPoints(kept, arrived, limit), limit);
}

function withGap(device: DeviceState, { stream, epoch, gap }: Telemetry): DeviceState {
  if (!gap) return device;
  const key = `${stream} ${epoch} ${gap.first}…${gap.last}: ${gap.reason}`;
  return { ...device, gaps: new Map(device.gaps).set(key, gap.last - gap.first + 1) };
}

function linkChanged(state: FleetState, { link, problem }: Extract<Message, { kind: 'link' }>): FleetState {
  const { linkProblem: _outdated, ...rest } = state;
  return { ...rest, link, ...(problem === undefined ? {} : { linkProblem: problem }) };
}

function withDevice(state: FleetState, device: DeviceState): FleetState {
  return { ...state, devices: new Map(state.devices).set(device.id, device) };
}

export function newDevice(id: string): DeviceState {
  return {
    id,
    lastSteps: new Map(),
    decisions: [],
    tally: noTally,
    system: [],
    events: [],
    labels: [],
    gaps: new Map(),
  };
}

const labelsOf = ({ label, truth }: Decision) => (truth === undefined ? [label] : [truth, label]);
