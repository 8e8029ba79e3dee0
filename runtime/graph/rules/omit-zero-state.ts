/**
 * `LSTM(x, W, R, B, lengths, h0, c0)` ⇒ the same without h0 and c0 when both are zeros, which is what absent ones mean; with
 * them go the nodes that computed their shape. Likewise h0 of GRU and RNN. Source: ONNX LSTM-14.
 */
import { tensorAttribute } from '../attributes.ts';
import { readTensor } from '../initializer.ts';
import type { RewriteContext, Rule } from '../rewrite.ts';
import { producedBy } from './match.ts';

/** Where the states are among the inputs. */
const stateInputs = [5, 6];

export const omitZeroState: Rule = {
  name: 'omitZeroState',
  opTypes: ['LSTM', 'GRU', 'RNN'],
  replace(cell, context) {
    const isOmitted = (input: string, index: number) => stateInputs.includes(index) && isZeros(input, context);
    if (!cell.inputs.some(isOmitted)) return undefined;
    const inputs = cell.inputs.map((input, index) => (isOmitted(input, index) ? '' : input));
    return { nodes: [{ ...cell, inputs: inputs.slice(0, inputs.findLastIndex(Boolean) + 1) }] };
  },
};

function isZeros(value: string, context: RewriteContext): boolean {
  if (value === '') return false;
  const constant = context.constant(value);
  if (constant) return constant.type === 'float32' && constant.data.every((element) => Number(element) === 0);
  const filled = producedBy(value, 'ConstantOfShape', context);
  const fill = filled && tensorAttribute(filled, 'value');
  // Without a value it fills with zeros.
  return filled !== undefined && (!fill || Number(readTensor(fill).data[0]) === 0);
}
