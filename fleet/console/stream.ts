/**
 * Telemetry as it really arrives: batches repeat (at-least-once delivery), backlog comes late, live data overtakes it. A
 * point is identified by its epoch and sequence number, and shown by its time.
 */
import { streamColumns, type Telemetry } from '../../agent/protocol/messages.ts';

type Cell = Telemetry['pts'][number][number];

/** The identity and the time of a point; every stream's points have these. */
export type StreamPoint = {
  readonly epoch: string;
  /** Contiguous within the epoch. */
  readonly seq: number;
  /** Unix time, milliseconds. */
  readonly tMs: number;
};

export type Decision = StreamPoint & {
  readonly label: string;
  /** 0 to 1. */
  readonly score: number;
  readonly latencyUs: number;
  /** What the replayed recording says; absent on a live sensor. */
  readonly truth?: string;
};

export type SystemPoint = StreamPoint & {
  readonly temperatureC: number | null;
  /** 0 to 1. */
  readonly cpuLoad: number | null;
  readonly memoryAvailableBytes: number | null;
  readonly agentPssBytes: number | null;
  readonly runnerPssBytes: number | null;
};

/** The points of a `decisions` batch; a point that is not one (an older or newer agent's) is left out. */
export function decisionsFrom(batch: Telemetry): Decision[] {
  return batch.pts.flatMap((cells, index) => {
    const { t_us, label, score, latency_us, truth } = named(streamColumns.decisions, cells);
    if (typeof t_us !== 'number' || typeof label !== 'string') return [];
    return [
      {
        ...identity(batch, index, t_us),
        label,
        score: numberOr(score, 0),
        latencyUs: numberOr(latency_us, 0),
        ...(typeof truth === 'string' ? { truth } : {}),
      },
    ];
  });
}

/** The points of a `system` batch. */
export function systemPointsFrom(batch: Telemetry): SystemPoint[] {
  return batch.pts.flatMap((cells, index) => {
    const point = named(streamColumns.system, cells);
    if (typeof point.t_us !== 'number') return [];
    return [
      {
        ...identity(batch, index, point.t_us),
        temperatureC: numberOr(point.temperature_c, null),
        cpuLoad: numberOr(point.cpu_load, null),
        memoryAvailableBytes: numberOr(point.memory_available, null),
        agentPssBytes: numberOr(point.agent_pss, null),
        runnerPssBytes: numberOr(point.runner_pss, null),
      },
    ];
  });
}

/**
 * Those of `arrived` that `kept` (ordered by time, at most `limit`) has not had. A point older than everything that a
 * full list keeps is not fresh: it may have been counted and forgotten already.
 */
export function freshPoints<P extends StreamPoint>(
  kept: readonly P[],
  arrived: readonly P[],
  limit: number,
): readonly P[] {
  const known = new Set(kept.map(identityOf));
  const oldest = kept.length < limit ? undefined : kept[0];
  return arrived.filter((point) => {
    if (known.has(identityOf(point)) || (oldest && byTime(point, oldest) < 0)) return false;
    known.add(identityOf(point));
    return true;
  });
}

/** Adds fresh points at their place in time and keeps the `limit` newest. */
export function mergePoints<P extends StreamPoint>(
  kept: readonly P[],
  fresh: readonly P[],
  limit: number,
): readonly P[] {
  return fresh.length === 0 ? kept : [...kept, ...fresh].sort(byTime).slice(-limit);
}

/** A point's cells under the names of their columns; what an older agent does not send is undefined. */
function named<C extends string>(columns: readonly C[], cells: Telemetry['pts'][number]) {
  return Object.fromEntries(columns.map((name, index) => [name, cells[index]])) as Partial<Record<C, Cell>>;
}

function identity({ epoch, first }: Telemetry, index: number, tUs: number): StreamPoint {
  return { epoch, seq: first + index, tMs: tUs / 1000 };
}

const identityOf = ({ epoch, seq }: StreamPoint) => `${epoch}/${seq}`;

function byTime(a: StreamPoint, b: StreamPoint): number {
  return a.tMs - b.tMs || (a.epoch === b.epoch ? a.seq - b.seq : 0);
}

function numberOr<D>(value: unknown, fallback: D): number | D {
  return typeof value === 'number' ? value : fallback;
}
