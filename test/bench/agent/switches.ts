/**
 * Model after model in one slot: real runners, replaced one by the other, and what that does to the memory of the process that
 * supervises them. The slope is a least-squares line over the second half, when everything has been loaded and compiled.
 */
import { join } from 'node:path';
import { SlotRunner } from '../../../agent/supervision/slot-runner.ts';
import { bundledFolder } from '../../../models/bundled.ts';
import { readManifest } from '../../../models/manifest.ts';
import { systemClock } from '../../../runtime/base/clock.ts';
import { readProcessMemory } from '../../../runtime/hardware/process-memory.ts';
import type { RunnerStart } from '../../../runtime/infer/messages.ts';
import { startRunner } from '../../../runtime/infer/runner-handle.ts';
import type { AgentBench } from '../agent.ts';
import type { BenchRow } from '../sections.ts';

export async function benchSwitches({ isLong }: AgentBench): Promise<BenchRow[]> {
  const switches = isLong ? 500 : 20;
  const folder = bundledFolder('watch-exercise');
  const { modelPath, featuresPath, pipeline, task } = await readManifest(folder);
  const slot = new SlotRunner({ startRunner, clock: systemClock });
  const heard = { decisions: 0, crashes: 0 };
  const listener = {
    onProcess: () => ({ onEvent: ({ kind }: { kind: string }) => void (kind === 'decisions' && heard.decisions++) }),
    onCrash: () => void heard.crashes++,
    onCrashLoop: () => void heard.crashes++,
  };
  const start = (speed: number): RunnerStart => ({
    ...{ kind: 'start', modelPath, pipeline, task, sinks: [], threads: 1 },
    ...(featuresPath === undefined ? {} : { featuresPath }),
    source: { kind: 'replay', recordings: [join(folder, 'recordings')], speed, loop: true },
  });
  const pss: number[] = [];
  for (let count = 0; count < switches; count += 1) {
    // Two starts that differ, so that each is a switch.
    await slot.run(start(count % 2 === 0 ? 20 : 21), listener);
    pss.push((readProcessMemory('self').pssBytes ?? 0) / 1024);
  }
  await slot.stop();
  const slope = slopeOf(pss.slice(Math.floor(switches / 2)));
  const target = isLong ? '≤ 10 KiB a switch' : '(stated; 500 switches with --long)';
  return [
    {
      name: `memory of the supervisor after ${switches} switches`,
      value: (pss.at(-1) ?? 0) / 1024,
      unit: 'MiB',
      target: '(stated)',
      ok: true,
    },
    { name: 'growth per switch', value: slope, unit: 'KiB', target, ok: !isLong || slope <= 10 },
    { name: 'crashes', value: heard.crashes, unit: '', target: 'none', ok: heard.crashes === 0 },
  ];
}

/** Least squares, units of `values` per step. */
function slopeOf(values: readonly number[]): number {
  const mean = (list: readonly number[]) => list.reduce((sum, value) => sum + value, 0) / list.length;
  const [middle, level] = [(values.length - 1) / 2, mean(values)];
  const covariance = values.reduce((sum, value, at) => sum + (at - middle) * (value - level), 0);
  return covariance / values.reduce((sum, _, at) => sum + (at - middle) ** 2, 0);
}
