/** Products of matrices. */
import { float, floatAttribute, int, intAttribute } from '../../graph/attributes.ts';
import { type GradientRule, type RuleContext, range, unbroadcast } from './rule.ts';

/** Y = A·B: dA = dY·Bᵀ, dB = Aᵀ·dY, summed over whatever batch axes were broadcast. Vectors are matrices of one row or column. */
const matMul: GradientRule = ({ inputs: [a, b], outputs: [y] }, context) => {
  const { write, dy, shape } = context;
  const [isRow, isColumn] = [shape(a!).length === 1, shape(b!).length === 1];
  const aDims = isRow ? [1, ...shape(a!)] : shape(a!);
  const bDims = isColumn ? [...shape(b!), 1] : shape(b!);
  const yDims = productDims(aDims, bDims);
  const asMatrix = (name: string, dims: readonly number[], isVector: boolean) =>
    isVector ? write.reshape(name, dims) : name;
  const dMatrix = () => asMatrix(dy, yDims, yDims.length !== shape(y!).length);
  const finish = (value: string, from: readonly number[], to: readonly number[], name: string, isVector: boolean) => {
    const summed = unbroadcast(write, value, from, to);
    return isVector ? write.reshape(summed, shape(name)) : summed;
  };
  return [
    () => {
      const product = write.op('MatMul', [dMatrix(), transposed(context, asMatrix(b!, bDims, isColumn), bDims)]);
      const from = [...yDims.slice(0, -2), ...aDims.slice(-2)];
      return finish(product, from, aDims, a!, isRow);
    },
    () => {
      const left = asMatrix(a!, aDims, isRow);
      if (bDims.length === 2 && aDims.length > 2) return flatProduct(context, left, aDims, dMatrix(), yDims, b!);
      const product = write.op('MatMul', [transposed(context, left, aDims), dMatrix()]);
      const from = [...yDims.slice(0, -2), ...bDims.slice(-2)];
      return finish(product, from, bDims, b!, isColumn);
    },
  ];
};

/** One matrix for all of the batch: its gradient is one product over batch and rows together. */
function flatProduct(
  { write, shape }: RuleContext,
  a: string,
  aDims: readonly number[],
  dy: string,
  yDims: readonly number[],
  b: string,
): string {
  const rows = write.reshape(a, [-1, aDims.at(-1)!]);
  const product = write.op('Gemm', [rows, write.reshape(dy, [-1, yDims.at(-1)!])], { transA: int(1) });
  return shape(b).length === 1 ? write.reshape(product, shape(b)) : product;
}

function productDims(a: readonly number[], b: readonly number[]): readonly number[] {
  const rank = Math.max(a.length, b.length);
  const at = (dims: readonly number[], axis: number) => dims[axis - (rank - dims.length)] ?? 1;
  return range(rank).map((axis) => {
    if (axis === rank - 2) return a.at(-2)!;
    return axis === rank - 1 ? b.at(-1)! : Math.max(at(a, axis), at(b, axis));
  });
}

function transposed({ write }: RuleContext, name: string, dims: readonly number[]): string {
  const last = dims.length - 1;
  return write.transpose(name, [...range(last - 1), last, last - 1]);
}

/** Y = α·A′·B′ + β·C, where ′ is a transposition if the attribute says so. */
const gemm: GradientRule = (node, { write, dy, shape }) => {
  const [a, b, c] = node.inputs;
  const [transA, transB] = [intAttribute(node, 'transA', 0), intAttribute(node, 'transB', 0)];
  const alpha = float(floatAttribute(node, 'alpha', 1));
  const product = (left: string, right: string, flipLeft: number, flipRight: number) =>
    write.op('Gemm', [left, right], { transA: int(flipLeft), transB: int(flipRight), alpha });
  return [
    () => (transA ? product(b!, dy, transB, 1) : product(dy, b!, 0, 1 - transB)),
    () => (transB ? product(dy, a!, 1, transA) : product(a!, dy, 1 - transA, 0)),
    () => write.scale(unbroadcast(write, dy, shape(node.outputs[0]!), shape(c!)), floatAttribute(node, 'beta', 1)),
  ];
};

export const matrixRules: Readonly<Record<string, GradientRule>> = { MatMul: matMul, Gemm: gemm };
