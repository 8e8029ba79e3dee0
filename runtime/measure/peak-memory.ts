/** The peak of memory as all trials take it. */
import { readProcessMemory } from '../hardware/process-memory.ts';
import { type Call, monotonicUs, timeCalls } from './timing.ts';

const calls = 50;
/** A model so slow that its calls take longer makes little garbage, and has allocated what it needs after a few. */
const longestUs = 5_000_000;
const fewestCalls = 3;

/**
 * The process's peak after a fixed number of calls: ONNX Runtime has then allocated all it will, while JavaScript's garbage,
 * which grows with the number of calls and not with the model, is still little and the same for every model.
 */
export async function peakAfterFirstCalls(call: Call): Promise<number> {
  const untilUs = monotonicUs() + longestUs;
  for (let made = 0; made < calls && (made < fewestCalls || monotonicUs() < untilUs); made++)
    await timeCalls(call, 1, 1, monotonicUs);
  return readProcessMemory('self').peakBytes ?? process.resourceUsage().maxRSS * 1024;
}
