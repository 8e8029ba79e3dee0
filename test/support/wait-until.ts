/** Waits for something that another process brings about: asks again and again until it is so, or a deadline passes. */
import { setTimeout as sleep } from 'node:timers/promises';

/** @throws naming `what`, when `ask` gave nothing within `withinMs`. */
export async function waitUntil<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  withinMs = 20_000,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > deadline) throw new Error(`expected within ${withinMs} ms: ${what}`);
    await sleep(25);
  }
}
