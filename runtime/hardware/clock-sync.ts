/**
 * Whether the wall clock can be believed. Most boards have no battery clock and begin in the past until the network tells
 * the time; what expires cannot be judged before that.
 */
import type { Readings } from './readings.ts';

/** systemd-timesyncd's own; `synchronized` in it says that it has set the clock in this boot (systemd-timesyncd.service(8)). */
const [runtimeFolder, serviceFolder] = ['/run/systemd', 'timesync'];

/** A clock before the release of this program is wrong, whoever set it. */
const releasedMs = Date.UTC(2026, 0, 1);

export type ClockTrust = { readonly isTrusted: boolean; readonly reason: string };

export function clockTrust(readings: Readings, wallMs: number): ClockTrust {
  if (wallMs < releasedMs)
    return { isTrusted: false, reason: 'the clock shows a time before this program was released' };
  if (hasBatteryClock(readings)) return { isTrusted: true, reason: 'the board has a battery clock' };
  // Another time service, or none: nothing says that the clock is wrong.
  if (!readings.names(runtimeFolder).includes(serviceFolder))
    return { isTrusted: true, reason: 'no time service says otherwise' };
  const isSet = readings.names(`${runtimeFolder}/${serviceFolder}`).includes('synchronized');
  return isSet
    ? { isTrusted: true, reason: 'the network has set the clock' }
    : { isTrusted: false, reason: 'the clock is not synchronised yet' };
}

/** A clock that kept the time while the board was off: it shows one that is possible. */
function hasBatteryClock(readings: Readings): boolean {
  return readings
    .names('/sys/class/rtc')
    .some((name) => (readings.number(`/sys/class/rtc/${name}/since_epoch`) ?? 0) * 1000 >= releasedMs);
}
