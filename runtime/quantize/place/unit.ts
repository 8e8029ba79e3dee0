/**
 * A unit is a node that ONNX Runtime fuses with the QuantizeLinear/DequantizeLinear around it into one integer kernel, together
 * with the Relu or Clip folded into its output.
 */
import type { Node } from '../../graph/model.ts';
import type { OperatorRule } from './operators.ts';

export type Unit = {
  readonly node: Node;
  readonly rule: OperatorRule;
  /** Computed tensors that it reads in int8. */
  readonly activations: readonly string[];
  /** Constant operands, quantised like activations. */
  readonly constants: readonly string[];
  /** `axis` undefined: one scale for the whole weight. */
  readonly weight: { readonly name: string; readonly axis: number | undefined } | undefined;
  readonly bias: string | undefined;
  /** The Relu or Clip that becomes the end of its output range. */
  readonly folded: Node | undefined;
  /** What leaves the unit: its own output, or the folded node's. */
  readonly output: string;
  /** What else leaves it (the other parts of a Split), with the same scale and zero point. */
  readonly otherOutputs: readonly string[];
  readonly quantizesOutput: boolean;
};

export function outputsOf({ output, otherOutputs }: Unit): readonly string[] {
  return [output, ...otherOutputs];
}
