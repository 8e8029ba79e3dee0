/**
 * `y = BatchNormalization(Gemm(x, W, b), γ, β, μ, σ²)` ⇒ `y = Gemm(x, W·s, (b − μ)·s + β)`, `s = γ / √(σ² + ε)` for each
 * column; ONNX Runtime's own optimiser folds only into Conv. Only if all of these are constants, the Gemm has no other user,
 * and alpha and beta are 1.
 */
import { floatAttribute, intAttribute } from '../../../graph/attributes.ts';
import { float32 } from '../../../graph/build.ts';
import { storeTensor } from '../../../graph/initializer.ts';
import type { Node } from '../../../graph/model.ts';
import type { RewriteContext, Rule } from '../../../graph/rewrite.ts';
import type { Tensor } from '../../../graph/tensor.ts';

export const foldGemmBatchNorm: Rule = {
  name: 'foldGemmBatchNorm',
  opTypes: ['BatchNormalization'],
  replace(norm, context) {
    const [product = '', ...parameters] = norm.inputs;
    const gemm = context.links.producers.get(product);
    if (gemm?.opType !== 'Gemm' || gemm.domain !== '' || !isPlain(gemm) || isShared(product, context)) return undefined;
    const weight = floats(gemm.inputs[1], context);
    const [gamma, beta, mean, variance] = parameters.map((name) => floats(name, context)?.data);
    const bias = gemm.inputs[2] ? floats(gemm.inputs[2], context)?.data : new Float32Array(gamma?.length ?? 0);
    if (!weight || !bias || !gamma || !beta || !mean || !variance || bias.length !== gamma.length) return undefined;
    const epsilon = floatAttribute(norm, 'epsilon', 1e-5);
    const scale = Array.from(gamma, (value, i) => value / Math.sqrt(variance[i]! + epsilon));
    const offset = Array.from(beta, (value, i) => (bias[i]! - mean[i]!) * scale[i]! + value);
    const name = (base: string) => context.freshName(`${gemm.outputs[0]}_${base}`);
    const stored = [
      storeTensor(name('weight'), scaledColumns(weight, scale, intAttribute(gemm, 'transB', 0) !== 0)),
      storeTensor(name('bias'), float32([offset.length], offset)),
    ];
    const inputs = [gemm.inputs[0]!, ...stored.map((tensor) => tensor.name)];
    return { nodes: [{ ...gemm, inputs, outputs: [norm.outputs[0]!] }], initializers: stored };
  },
};

function isPlain(gemm: Node): boolean {
  return floatAttribute(gemm, 'alpha', 1) === 1 && floatAttribute(gemm, 'beta', 1) === 1;
}

function isShared(value: string, { links }: RewriteContext): boolean {
  return links.consumers.get(value)?.length !== 1 || links.outputs.has(value);
}

function floats(name: string | undefined, { constant }: RewriteContext): Tensor<'float32'> | undefined {
  const tensor = name ? constant(name) : undefined;
  return tensor?.type === 'float32' ? (tensor as Tensor<'float32'>) : undefined;
}

/** Columns of the product: rows of the weight when it is stored transposed. */
function scaledColumns({ dims, data }: Tensor<'float32'>, scale: readonly number[], isTransposed: boolean) {
  const width = dims[1]!;
  return float32(
    dims,
    data.map((value, i) => value * scale[isTransposed ? Math.floor(i / width) : i % width]!),
  );
}
