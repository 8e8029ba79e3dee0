/**
 * `y = Add(MatMul(a, B), c)` ⇒ `y = Gemm(a, B, c)`: one node that quantises with its bias.
 * Only if a is known to be 2-D, B is a constant [k, n] and c a constant of [n] or [1, n] (Gemm's matrices are 2-D and
 * its bias broadcasts one way), all float32, and the product has no other user.
 */
import { node } from '../build.ts';
import type { Node } from '../model.ts';
import type { RewriteContext, Rule } from '../rewrite.ts';

export const fuseMatmulAdd: Rule = {
  name: 'fuseMatmulAdd',
  opTypes: ['Add'],
  replace(add, context) {
    for (const [product, bias] of [add.inputs, add.inputs.toReversed()] as [string, string][]) {
      const matmul = context.links.producers.get(product);
      if (matmul?.opType !== 'MatMul' || matmul.domain !== '' || !isOnlyUser(product, context)) continue;
      const [a, b] = matmul.inputs as [string, string];
      if (fitsGemm(a, b, bias, context)) return { nodes: [gemm(matmul, add, [a, b, bias])] };
    }
    return undefined;
  },
};

function isOnlyUser(value: string, { links }: RewriteContext): boolean {
  return links.consumers.get(value)?.length === 1 && !links.outputs.has(value);
}

function fitsGemm(a: string, b: string, bias: string, context: RewriteContext): boolean {
  const weight = context.constant(b);
  const offset = context.constant(bias);
  if (weight?.type !== 'float32' || offset?.type !== 'float32') return false;
  const [, columns] = weight.dims;
  const isRow = offset.dims.at(-1) === columns && offset.data.length === columns && offset.dims.length <= 2;
  return context.dims(a)?.length === 2 && weight.dims.length === 2 && isRow;
}

function gemm(matmul: Node, add: Node, inputs: readonly string[]): Node {
  return node('Gemm', inputs, add.outputs, {}, matmul.name || add.name);
}
