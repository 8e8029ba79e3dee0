/** What the builder process and whoever started it (a selection, `octet quantize`) say to each other over IPC. */
import type { ErrorRecord } from '../base/errors.ts';
import type { Budget, Pipeline, Task } from '../data/pipeline.ts';
import type { AnyRecipe, BuilderRecipe } from './auto/composed-recipe.ts';

export type BuildRequest = {
  readonly kind: 'build';
  readonly modelPath: string;
  readonly featuresPath?: string;
  readonly pipeline?: Pipeline;
  readonly task?: Task;
  /** `.npz`, folders of `.npy`, or recording folders. Calibration uses the part that is not held out. */
  readonly data: readonly string[];
  /** Variants are written as `<outFolder>/<sha256>.onnx` with `<sha256>.recipe.json` beside. */
  readonly outFolder: string;
  readonly recipes: readonly BuilderRecipe[];
  /** Also searches for the fastest forms (the recipe `auto`), by timing whole alternatives. */
  readonly search?: FormSearch;
  /** At most so many calibration samples, spread evenly over the data. */
  readonly maxSamples: number;
};

export type FormSearch = {
  /** Fast on this processor. */
  readonly activation: 'uint8' | 'int8';
  readonly reduceRange: boolean;
  readonly budget: Budget;
  readonly threads: number;
  readonly searchMs: number;
  /** How many of the fastest that decide like float32 are written. */
  readonly forms: number;
};

/** What became of one node that could have been int8. Found by asking ONNX Runtime for its optimised graph. */
export type NodeOutcome = {
  readonly node: string;
  readonly opType: string;
  /** The integer kernel it runs as (`QLinearConv`), or undefined when it stays float. */
  readonly kernel?: string;
  /** Why it stays float. */
  readonly reason?: string;
};

export type BuiltVariant = {
  readonly name: string;
  readonly path: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly recipe: AnyRecipe;
  readonly outcomes: readonly NodeOutcome[];
};

export type BuilderEvent =
  | { readonly kind: 'progress'; readonly fraction: number; readonly detail: string }
  | { readonly kind: 'built'; readonly variant: BuiltVariant }
  /** A recipe that has nothing to do on this model (dynamic on a purely convolutional one), with the reason. */
  | { readonly kind: 'skipped'; readonly name: string; readonly reason: string }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly error: ErrorRecord };
