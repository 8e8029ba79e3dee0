/** Latencies of decisions as a Prometheus histogram: counts up to each border, their sum and number. */
import type { Sample } from './metrics.ts';

/** Seconds; from a small model on a fast board to a large one on a slow one. */
const bordersS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1] as const;

export class LatencyHistogram {
  readonly #counts = new Array<number>(bordersS.length).fill(0);
  #sumS = 0;
  #count = 0;

  note(latencyUs: number): void {
    const latencyS = latencyUs / 1e6;
    this.#sumS += latencyS;
    this.#count += 1;
    bordersS.forEach((border, index) => {
      if (latencyS <= border) this.#counts[index]! += 1;
    });
  }

  samples(labels: Readonly<Record<string, string>>): Sample[] {
    const buckets = bordersS.map((border, index) => ({ le: String(border), value: this.#counts[index] ?? 0 }));
    return [
      ...[...buckets, { le: '+Inf', value: this.#count }].map(({ le, value }) => ({
        ...{ suffix: '_bucket', labels: { ...labels, le }, value },
      })),
      { suffix: '_sum', labels, value: this.#sumS },
      { suffix: '_count', labels, value: this.#count },
    ];
  }
}
