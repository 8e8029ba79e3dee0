/**
 * What a selection does to the model that runs beside it: latencies of decisions before, during and after, and whether every
 * window is decided. A sensor that is played back at a fixed rate owes a fixed number of windows.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runHelper } from '../../../agent/helper/run-helper.ts';
import { workNiceness } from '../../../agent/run-agent.ts';
import { bundledFolder } from '../../../models/bundled.ts';
import { readManifest } from '../../../models/manifest.ts';
import type { Decision, RunnerEvent } from '../../../runtime/infer/messages.ts';
import { startRunner } from '../../../runtime/infer/runner-handle.ts';
import type { AgentBench } from '../agent.ts';
import type { BenchRow } from '../sections.ts';

/** Times real time: about fifty windows a second. */
const speed = 60;

export async function benchNeighbours({ folder, isLong }: AgentBench): Promise<BenchRow[]> {
  const bundled = bundledFolder('watch-exercise');
  const { modelPath, featuresPath, pipeline, task, budget } = await readManifest(bundled);
  const recordings = join(bundled, 'recordings');
  const optional = featuresPath === undefined ? {} : { featuresPath };
  let current: Decision[] = [];
  let ready = () => {};
  const isReady = new Promise<void>((resolve) => {
    ready = resolve;
  });
  const runner = startRunner(
    {
      ...{ kind: 'start', modelPath, pipeline, task, sinks: [], threads: 1, ...optional },
      source: { kind: 'replay', recordings: [recordings], speed, loop: true },
    },
    {
      onEvent: (event: RunnerEvent) => {
        if (event.kind === 'ready') ready();
        if (event.kind === 'decisions') current.push(...event.decisions);
      },
    },
  );
  const take = () => {
    const taken = current;
    current = [];
    return taken;
  };
  await isReady;
  await sleep(3000);
  take();
  const aloneMs = isLong ? 60_000 : 15_000;
  await sleep(aloneMs);
  const before = take();
  const request = {
    modelPath,
    pipeline,
    task,
    budget,
    data: [recordings],
    workFolder: folder,
    threads: 1,
    ...optional,
  };
  const startMs = performance.now();
  await runHelper('select', { ...request, objective: 'latency' }, { niceness: workNiceness });
  const duringS = (performance.now() - startMs) / 1000;
  const during = take();
  await sleep(aloneMs);
  const after = take();
  await runner.stop();
  const all = [...before, ...during, ...after];
  const isWhole = all.every(({ seq }, at) => seq === all[0]!.seq + at);
  const alone = p99([...before, ...after]);
  const ratio = p99(during) / alone;
  const rates = [before.length / (aloneMs / 1000), during.length / duringS];
  return [
    { name: 'p99 alone', value: alone, unit: 'µs', target: '(stated)', ok: true },
    {
      name: `p99 while variants are built and measured (${duringS.toFixed(0)} s)`,
      value: p99(during),
      unit: 'µs',
      target: '(stated)',
      ok: true,
    },
    { name: 'the one over the other', value: ratio, unit: '', target: '≤ 1.2', ok: ratio <= 1.2 },
    {
      name: 'windows a second, during over alone',
      value: rates[1]! / rates[0]!,
      unit: '',
      target: '≥ 0.98: none is lost',
      ok: isWhole && rates[1]! / rates[0]! >= 0.98,
    },
  ];
}

function p99(decisions: readonly Decision[]): number {
  const sorted = decisions.map(({ latencyUs }) => latencyUs).sort((a, b) => a - b);
  return sorted[Math.floor(0.99 * sorted.length)] ?? Number.NaN;
}
