/** The peak of memory as all trials take it. */
import { readProcessMemory } from '../hardware/process-memory.ts';
import { type Call, monotonicUs, timeCalls } from './timing.ts';

/**
 * The process's peak after a fixed number of calls: ONNX Runtime has then allocated all it will, while JavaScript's garbage,
 * which grows with the number of calls and not with the model, is still little and the same for every model.
 */
export async function peakAfterFirstCalls(call: Call): Promise<number> {
  await timeCalls(call, 50, 1, monotonicUs);
  return readProcessMemory('self').peakBytes ?? process.resourceUsage().maxRSS * 1024;
}
