/** LSTM → com.microsoft.DynamicQuantizeLSTM: the same cell, with int8 weights and its inputs quantised at each step. */
import { intAttribute } from '../../graph/attributes.ts';
import { float32, node as makeNode } from '../../graph/build.ts';
import type { Node } from '../../graph/model.ts';
import type { Tensor } from '../../graph/tensor.ts';
import { absoluteMaxima, quantizeWeight, symmetricScales, weightSteps } from '../numerics.ts';
import { settingsFor } from '../recipe.ts';
import type { DynamicContext, DynamicResult } from './dynamic-context.ts';

/** Inputs of LSTM, in order: X, W, R, B, sequence_lens, initial_h, initial_c, P. Source: ONNX LSTM-14. */
const lstmInputs = 8;

/** Emits the int8 form, if it can. Source: onnxruntime ContribOperators, DynamicQuantizeLSTM. */
export function lstmToInt8(node: Node, context: DynamicContext): DynamicResult {
  const [x = '', w, r, ...others] = node.inputs;
  const input = context.weight(w);
  const recurrent = context.weight(r);
  if (!input || !recurrent) return { refused: 'its weights are not float32 constants' };
  if (intAttribute(node, 'layout', 0) !== 0) return { refused: 'its layout is batch first' };
  const [inputValues, ...inputParams] = storeGates(node, w!, input, context);
  const [recurrentValues, ...recurrentParams] = storeGates(node, r!, recurrent, context);
  const float = [x, inputValues, recurrentValues, ...others];
  const padded = [...float, ...new Array<string>(lstmInputs - float.length).fill('')];
  const { layout, ...attributes } = Object.fromEntries(node.attributes);
  const inputs = [...padded, ...inputParams, ...recurrentParams];
  context.emit(makeNode('com.microsoft:DynamicQuantizeLSTM', inputs, node.outputs, attributes, node.name));
  return { mark: node.outputs.find(Boolean)! };
}

/**
 * Weights [directions, gates · hidden, size] as int8 [directions, size, gates · hidden], with scales for each output
 * [directions, gates · hidden] or each direction. @returns the names of values, scales and zero points.
 */
function storeGates(
  node: Node,
  name: string,
  { dims, data }: Tensor<'float32'>,
  { recipe, store }: DynamicContext,
): readonly [string, string, string] {
  const [directions = 0, outputs = 0, size = 0] = dims;
  const settings = settingsFor(recipe, node.name);
  const steps = weightSteps(settings);
  const rows = settings.perChannel ? directions * outputs : directions;
  const scaleDims = settings.perChannel ? [directions, outputs] : [directions];
  const stored = store(name, `gates|${settings.perChannel}|${steps}`, () => {
    const flat = float32([rows, data.length / rows], data);
    const scales = symmetricScales(absoluteMaxima(flat, 0), steps);
    const { values } = quantizeWeight(flat, scales, 0);
    return {
      quantized: swapLast(values.data, directions, outputs, size),
      scale: float32(scaleDims, scales),
      zero_point: { type: 'int8', dims: scaleDims, data: new Int8Array(scales.length) } as const,
    };
  });
  return [stored.quantized, stored.scale, stored.zero_point];
}

/** [outer, rows, columns] → [outer, columns, rows]. */
function swapLast(data: Tensor<'int8'>['data'], outer: number, rows: number, columns: number): Tensor<'int8'> {
  const swapped = data.map((_, i) => {
    const within = i % (rows * columns);
    return data[i - within + (within % rows) * columns + Math.floor(within / rows)]!;
  });
  return { type: 'int8', dims: [outer, columns, rows], data: swapped };
}
