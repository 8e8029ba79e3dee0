/**
 * How far a quantised model's answers are from the float model's, in three measures that need no labels: noise (what
 * regressions feel), divergence (what probabilities feel) and changed decisions. Sums only, so memory does not grow.
 */
import { argmax } from '../../measure/decide.ts';

export type OutputError = {
  /** Power of the difference over power of the float output; 0 is equal, 1 is useless. */
  readonly noise: number;
  /** The same in decibel: −10·log₁₀(noise); Infinity when equal. */
  readonly sqnrDb: number;
  /** Mean of KL(softmax(float) ‖ softmax(quantised)) over samples, in nats, each output read as one vector of logits. */
  readonly divergence: number;
  /** Share of samples whose largest output is another one. */
  readonly changed: number;
};

export type OutputErrorMeter = {
  /** One sample's output of both models, equally long. */
  add(exact: ArrayLike<number>, quantized: ArrayLike<number>): void;
  error(): OutputError;
};

export function outputErrorMeter(): OutputErrorMeter {
  const sums = { signal: 0, difference: 0, divergence: 0, changed: 0, samples: 0 };
  return {
    add(exact, quantized) {
      for (let i = 0; i < exact.length; i++) {
        sums.signal += exact[i]! ** 2;
        sums.difference += (exact[i]! - quantized[i]!) ** 2;
      }
      sums.divergence += klDivergence(exact, quantized);
      sums.changed += Number(argmax(exact) !== argmax(quantized));
      sums.samples += 1;
    },
    error() {
      const noise = noiseShare(sums.difference, sums.signal);
      const samples = Math.max(sums.samples, 1);
      return {
        noise,
        sqnrDb: noise === 0 ? Number.POSITIVE_INFINITY : -10 * Math.log10(noise),
        divergence: sums.divergence / samples,
        changed: sums.changed / samples,
      };
    },
  };
}

/** An output that is always zero has no signal: any difference is then as large as can be. */
function noiseShare(difference: number, signal: number): number {
  if (difference === 0) return 0;
  return signal === 0 ? Number.POSITIVE_INFINITY : difference / signal;
}

function klDivergence(exact: ArrayLike<number>, quantized: ArrayLike<number>): number {
  const [p, q] = [logSoftmax(exact), logSoftmax(quantized)];
  return Math.max(
    0,
    p.reduce((sum, logP, i) => sum + Math.exp(logP) * (logP - q[i]!), 0),
  );
}

function logSoftmax(logits: ArrayLike<number>): Float64Array {
  const values = Float64Array.from(logits);
  const largest = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const logSum = largest + Math.log(values.reduce((sum, value) => sum + Math.exp(value - largest), 0));
  return values.map((value) => value - logSum);
}
