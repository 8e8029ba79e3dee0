/** Temperature, clock and load while a selection runs: read by the process that waits, so that it disturbs nothing. */
import { type Conditions, readConditions } from '../measure/conditions.ts';
import type { Evidence } from './evidence.ts';

export type Timeline = Disposable & { readonly moments: Evidence['timeline'] };

const everyMs = 1000;
/** Ten minutes a second apart, then every other moment is dropped. */
const mostMoments = 600;

/** @param nowMs since the selection began. */
export function recordTimeline(nowMs: () => number, read: () => Conditions = readConditions): Timeline {
  const moments: Evidence['timeline'] = [];
  let [stepMs, dueMs] = [everyMs, 0];
  const take = () => {
    const atMs = nowMs();
    if (atMs < dueMs) return;
    dueMs = atMs + stepMs;
    const { temperatureC, frequencyMHz, load1, throttled } = read();
    moments.push({ atMs, temperatureC, frequencyMHz, load1, throttled: [...(throttled ?? [])] });
    if (moments.length < mostMoments) return;
    moments.splice(0, moments.length, ...moments.filter((_, at) => at % 2 === 0));
    stepMs *= 2;
  };
  take();
  const timer = setInterval(take, everyMs);
  return { moments, [Symbol.dispose]: () => clearInterval(timer) };
}
