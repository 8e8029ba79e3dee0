/**
 * Room kept for the moment when the disk is full: a file of real bytes beside the store, deleted so that a state change
 * can still be written, and made again once there is space.
 */
import { closeSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** Telemetry stops when the disk has less free than this, or than 5 % of it on a small disk. */
const floorBytes = 64 * 2 ** 20;
const floorShare = 0.05;

export function createReserve(path: string, bytes: number, on: { onHeld(): void; onReleased(): void }) {
  let held = false;
  const hold = (): boolean => {
    if (!held && (fileSize(path) === bytes || fill(path, bytes))) {
      held = true;
      on.onHeld();
    }
    return held;
  };
  hold();
  return {
    /** Makes the reserve again if it was spent and there is room now. @returns whether it is held. */
    hold,
    /** Spends the reserve. @returns whether that freed anything. */
    release(): boolean {
      if (!held) return false;
      rmSync(path, { force: true });
      held = false;
      on.onReleased();
      return true;
    },
    /** Whether telemetry may be written: the disk is not nearly full. The room of a reserve that was spent is not telemetry's. */
    hasRoomForTelemetry(): boolean {
      const { bavail, blocks, bsize } = statfsSync(dirname(path));
      const floor = Math.min(floorBytes, blocks * bsize * floorShare);
      return bavail * bsize > floor + (held ? 0 : bytes);
    },
  };
}

function fileSize(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** False when there is no room: then there is no reserve, which is what a full disk means. */
function fill(path: string, bytes: number): boolean {
  const file = openSync(path, 'w', 0o600);
  try {
    const written = writeSync(file, Buffer.alloc(bytes));
    fsyncSync(file);
    if (written === bytes) return true;
  } catch {
    // ENOSPC: expected here, and answered by returning false.
  } finally {
    closeSync(file);
  }
  rmSync(path, { force: true });
  return false;
}
