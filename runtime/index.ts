/**
 * The library: what a program of your own imports. The one file that re-exports, because it is the package's public entry;
 * everything else imports from where a thing is defined.
 */
export { type ErrorCode, OctetError } from './base/errors.ts';
export type { Samples } from './data/samples.ts';
export type { ElementType, Feeds, Tensor } from './graph/tensor.ts';
export type { LayerError } from './quantize/inspect/compare-models.ts';
export type { ModelReport } from './quantize/inspect/inspect-model.ts';
export type { PairReport } from './quantize/inspect/inspect-pair.ts';
export { type CalibrateOptions, type Calibration, calibrate } from './quantize/library/calibrate.ts';
export type { DataSource } from './quantize/library/data-source.ts';
export { type InspectOptions, inspect } from './quantize/library/inspect.ts';
export { type QuantizedModel, type QuantizeModelOptions, quantize } from './quantize/library/quantize-model.ts';
export type { NodeOutcome } from './quantize/messages.ts';
export type { CustomObserver } from './quantize/observe.ts';
export type { Observer } from './quantize/observers/observer.ts';
export type { Recipe } from './quantize/recipe.ts';
export type { FullReport } from './quantize/report/full-report.ts';
export { type PruneModelOptions, prune } from './train/prune/prune.ts';
export type { LayerChange, ModelSize, PrunedModel } from './train/prune/prune-model.ts';
export type { PruneRecipe } from './train/prune/prune-recipe.ts';
