/** Declares ONNX Runtime's own operators where a model has come to use them. */
import type { Model } from '../../graph/model.ts';
import { allNodes } from '../bodies/map-graphs.ts';

const contrib = 'com.microsoft';

export function withContribOperators(model: Model): Model {
  if (model.opsets.has(contrib) || !allNodes(model.graph).some(({ domain }) => domain === contrib)) return model;
  return { ...model, opsets: new Map([...model.opsets, [contrib, 1] as const]) };
}
