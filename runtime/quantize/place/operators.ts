/**
 * Which operators can run in int8 on ONNX Runtime, and what each needs for that: one line per operator. Measured on ONNX
 * Runtime 1.30 by reading its optimised graphs; the verifier (fused.ts) holds every placement against the runtime again.
 */
import { floatAttribute, intAttribute, stringAttribute } from '../../graph/attributes.ts';
import type { Node } from '../../graph/model.ts';
import type { Tensor } from '../../graph/tensor.ts';
import type { Range } from '../numerics.ts';

export type OperatorRule = {
  /**
   * `compute`: worth quantising its inputs for. `follower`: runs in int8 when all its inputs already are.
   * `passThrough`: moves values without changing them, so its output must have its input's scale and zero point.
   */
  readonly role: 'compute' | 'follower' | 'passThrough';
  /** Inputs that are activations; other inputs (shapes, axes) stay as they are. */
  readonly activations: readonly number[] | 'all';
  /** The input that is a weight when it is constant; when it is not, it is one more activation. */
  readonly weight?: {
    readonly input: number;
    readonly mustBeConstant: boolean;
    axis(node: Node, rank: number): number;
  };
  /** The input that becomes int32; must be constant where it is given. */
  readonly bias?: number;
  /** Whether the kernel can also give float32, which saves a rounding where nothing after it runs in int8. */
  readonly canEndInFloat: boolean;
  /** Whether int8 pays when nothing after it runs in int8. */
  readonly canEndChain: boolean;
  /** The output's range where the operator itself fixes it. */
  readonly outputRange?: Range;
  /** The kernel that ONNX Runtime fuses it into. */
  readonly kernel: string;
  /** The runtime does not fuse it, but computes it on integers as it stands: it is written on the int8 tensors themselves. */
  readonly isWrittenInInt8?: true;
  /** A constant first input is a table that it looks values up in (an embedding), and int8 for its size alone. */
  readonly looksUp?: true;
  /** Why this node, of an operator that can, cannot. @param constant the values of an input that never changes. */
  refuses?(node: Node, constant: (name: string) => Tensor | undefined): string | undefined;
};

const follower = { role: 'follower', activations: [0], canEndInFloat: false, canEndChain: true } as const;
const passThrough = { role: 'passThrough', activations: [0], canEndInFloat: false, canEndChain: true } as const;
/** Probabilities are better left unrounded when they are the answer. */
const inner = { ...follower, canEndChain: false } as const;

export const operatorRules: Readonly<Record<string, OperatorRule>> = {
  Conv: {
    role: 'compute',
    activations: [0],
    weight: { input: 1, mustBeConstant: true, axis: () => 0 },
    bias: 2,
    canEndInFloat: false,
    canEndChain: true,
    kernel: 'QLinearConv',
  },
  Gemm: {
    role: 'compute',
    activations: [0],
    weight: { input: 1, mustBeConstant: true, axis: (node) => (intAttribute(node, 'transB', 0) ? 0 : 1) },
    bias: 2,
    canEndInFloat: true,
    canEndChain: true,
    kernel: 'QGemm',
    refuses: refuseScaledGemm,
  },
  MatMul: {
    role: 'compute',
    activations: [0],
    weight: { input: 1, mustBeConstant: false, axis: (_, rank) => rank - 1 },
    canEndInFloat: true,
    canEndChain: true,
    kernel: 'QLinearMatMul',
  },
  Add: { ...follower, activations: 'all', kernel: 'QLinearAdd' },
  Mul: { ...follower, activations: 'all', kernel: 'QLinearMul' },
  Concat: { ...follower, activations: 'all', kernel: 'QLinearConcat' },
  AveragePool: { ...follower, kernel: 'QLinearAveragePool', refuses: refuseOverhang },
  GlobalAveragePool: { ...follower, kernel: 'QLinearGlobalAveragePool' },
  LeakyRelu: { ...follower, kernel: 'QLinearLeakyRelu' },
  Sigmoid: { ...inner, kernel: 'QLinearSigmoid' },
  // 256 levels of 1/256: the range is known beforehand.
  Softmax: { ...inner, kernel: 'QLinearSoftmax', outputRange: { min: 0, max: 255 / 256 } },
  MaxPool: { ...passThrough, kernel: 'MaxPool', refuses: refuseSecondOutput },
  Transpose: { ...passThrough, kernel: 'Transpose' },
  Reshape: { ...passThrough, kernel: 'Reshape' },
  Flatten: { ...passThrough, kernel: 'Flatten' },
  Squeeze: { ...passThrough, kernel: 'Squeeze' },
  Unsqueeze: { ...passThrough, kernel: 'Unsqueeze' },
  Slice: { ...passThrough, kernel: 'Slice' },
  Split: { ...passThrough, kernel: 'Split' },
  Tile: { ...passThrough, kernel: 'Tile' },
  DepthToSpace: { ...passThrough, kernel: 'DepthToSpace' },
  ReduceMax: { ...passThrough, kernel: 'ReduceMax' },
  ReduceMin: { ...passThrough, kernel: 'ReduceMin' },
  Resize: { ...passThrough, kernel: 'Resize', refuses: refuseInterpolation },
  Pad: { ...passThrough, kernel: 'Pad', isWrittenInInt8: true, refuses: refuseFill },
  Gather: { ...passThrough, kernel: 'Gather', looksUp: true },
};

/** Why an operator that people expect in int8 is not: what ONNX Runtime lacks, and what helps. Others have no int8 kernel, and that is all. */
export const floatReasons: Readonly<Record<string, string>> = {
  ConvTranspose: 'ONNX Runtime has no int8 ConvTranspose; recipe auto tries it as a Conv',
  LSTM: 'ONNX Runtime has an int8 LSTM in dynamic form only: recipe dynamic or auto',
  GRU: 'ONNX Runtime has no int8 GRU; recipe dynamic runs wide ones in steps',
  LayerNormalization: 'ONNX Runtime has no int8 LayerNormalization: mean and variance need float',
  InstanceNormalization: 'ONNX Runtime has no int8 InstanceNormalization: mean and variance need float',
  BatchNormalization: 'no Conv or Gemm stands directly before it to fold it into',
  HardSwish: 'ONNX Runtime has no int8 HardSwish',
  Sub: 'ONNX Runtime has int8 Add and Mul, but no int8 Sub',
  Div: 'ONNX Runtime has int8 Add and Mul, but no int8 Div',
};

function refuseScaledGemm(node: Node): string | undefined {
  if (floatAttribute(node, 'alpha', 1) !== 1) return 'alpha is not 1';
  if (floatAttribute(node, 'beta', 1) !== 1) return 'beta is not 1';
  return intAttribute(node, 'transA', 0) ? 'its input is transposed' : undefined;
}

/** The integer kernel of ONNX Runtime 1.30 divides by cells beyond the padding, too, which the float kernel does not. */
function refuseOverhang(node: Node): string | undefined {
  const counts = intAttribute(node, 'ceil_mode', 0) !== 0 && intAttribute(node, 'count_include_pad', 0) !== 0;
  return counts ? 'the int8 kernel gives other values for ceil_mode with count_include_pad' : undefined;
}

function refuseInterpolation(node: Node): string | undefined {
  return stringAttribute(node, 'mode', 'nearest') === 'nearest' ? undefined : 'it interpolates between values';
}

/** Padding with zeros is padding with the zero point, which stands for them exactly. */
function refuseFill(node: Node, constant: (name: string) => Tensor | undefined): string | undefined {
  if (stringAttribute(node, 'mode', 'constant') !== 'constant') return 'it does not pad with a constant';
  const [, , fill] = node.inputs;
  return !fill || constant(fill)?.data[0] === 0 ? undefined : 'it does not pad with 0';
}

function refuseSecondOutput(node: Node): string | undefined {
  return node.outputs.filter(Boolean).length > 1 ? 'it also gives the indices' : undefined;
}
