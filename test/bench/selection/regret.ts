/**
 * Regret: how much faster the best of an exhaustive search is than what the race chose, both by the exhaustive search's figures. The
 * exhaustive search measures the same contenders, each for 3.5 s against float32, judges all of them, and prunes nobody.
 */
import pico from 'picocolors';
import { median } from '../../../runtime/measure/statistics.ts';
import type { Evidence } from '../../../runtime/select/evidence.ts';
import { chooseCases } from '../quantize/cases.ts';
import type { BenchRow } from '../sections.ts';
import { requestFor, selectOnce } from './select-case.ts';

const timeMs = 60_000;
const most = { median: 0.03, worst: 0.1, time: 1 / 3 };

export async function benchRegret(work: string, models: readonly string[]): Promise<BenchRow[]> {
  const [regrets, shares]: [number[], number[]] = [[], []];
  for (const bench of chooseCases(models)) {
    const request = await requestFor(bench, work, timeMs);
    const raced = await selectOnce(request);
    const exhaustive = await selectOnce(request, { repeat: raced, strategy: 'exhaustive' });
    const [best, chosen] = [bestOf(exhaustive), speedOf(exhaustive, raced.chosen)];
    const regret = Math.max(0, best.speed / chosen - 1);
    const share = raced.spentMs.measuring / exhaustive.spentMs.measuring;
    regrets.push(regret);
    shares.push(share);
    console.log(
      `  ${bench.name.padEnd(30)} ${`${raced.trials.length} contenders`.padEnd(14)} race: ${raced.chosen} ${chosen.toFixed(2)}×, ` +
        `exhaustive: ${best.name} ${best.speed.toFixed(2)}×; regret ${(regret * 100).toFixed(1)} %, ` +
        `measuring ${seconds(raced)} of ${seconds(exhaustive)} (${share.toFixed(2)})${bench.note ? pico.dim(` ${bench.note}`) : ''}`,
    );
  }
  if (regrets.length === 0) return [];
  return [
    row('regret, median', median(regrets) * 100, '%', most.median * 100),
    row('regret, worst', Math.max(...regrets) * 100, '%', most.worst * 100),
    row("time of measuring over the exhaustive search's, median", median(shares), '×', most.time),
    row("time of measuring over the exhaustive search's, worst", Math.max(...shares), '×', most.time),
  ];
}

function row(name: string, value: number, unit: string, limit: number): BenchRow {
  return { name, value, unit, target: `≤ ${limit.toPrecision(3)} ${unit}`, ok: value <= limit };
}

/** The fastest of those that met every constraint. */
function bestOf(evidence: Evidence): { readonly name: string; readonly speed: number } {
  const fitting = evidence.trials.filter(({ fate }) => fate === 'chosen' || fate === 'beaten');
  return fitting
    .map(({ name }) => ({ name, speed: speedOf(evidence, name) }))
    .reduce((a, b) => (b.speed > a.speed ? b : a));
}

/** 1 for float32 under the usual settings, which all are compared with. */
function speedOf({ trials }: Evidence, name: string): number {
  return trials.find((trial) => trial.name === name)?.paired?.speedup.value ?? 1;
}

function seconds({ spentMs }: Evidence): string {
  return `${(spentMs.measuring / 1000).toFixed(1)} s`;
}
