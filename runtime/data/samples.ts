/** Labelled or unlabelled samples, one at a time, from wherever they come: the common form of `--data`. */
import type { Feeds } from '../graph/tensor.ts';

/** A finite, indexable set of model inputs. Reading is lazy, so that memory does not grow with the number of samples. */
export type Samples = {
  readonly count: number;
  /** Class index per sample, -1 where the sample has no label; undefined when there are no labels at all. */
  readonly labels: readonly number[] | undefined;
  /** The model's inputs for sample `index`, batch of 1. */
  feeds(index: number): Promise<Feeds>;
  /** In words, for reports: `1,842 windows of 35 recordings`. */
  readonly description: string;
};
