/**
 * Weights of a matrix in blocks of a few bits, as com.microsoft.MatMulNBits reads them: each output's weights one after the
 * other, cut into blocks that share a scale. Source: onnxruntime ContribOperators, MatMulNBits.
 */
import { float32 } from '../../graph/build.ts';
import { clamp, roundHalfEven } from '../../graph/integers.ts';
import type { Tensor } from '../../graph/tensor.ts';

export type BlockOptions = {
  readonly bits: 2 | 4 | 8;
  /** Weights of one output that share a scale. */
  readonly blockSize: number;
  /** Zero point in the middle of the type; otherwise one for each block. */
  readonly symmetric: boolean;
};

export type PackedBlocks = {
  /** [outputs, blocks, blockSize · bits / 8], the first value in the lowest bits. */
  readonly values: Tensor<'uint8'>;
  /** [outputs · blocks] */
  readonly scales: Tensor<'float32'>;
  /** [outputs · ⌈blocks · bits / 8⌉]; undefined when symmetric. */
  readonly zeroPoints: Tensor<'uint8'> | undefined;
};

/** @param matrix [inputs, outputs]. A last block that is not full is filled with zeros. */
export function packBlocks(matrix: Tensor<'float32'>, { bits, blockSize, symmetric }: BlockOptions): PackedBlocks {
  const [inputs = 0, outputs = 0] = matrix.dims;
  const blocks = Math.ceil(inputs / blockSize);
  const blockBytes = (blockSize * bits) / 8;
  const zeroBytes = Math.ceil((blocks * bits) / 8);
  const values = new Uint8Array(outputs * blocks * blockBytes);
  const zeros = new Uint8Array(outputs * zeroBytes);
  const scales = new Float32Array(outputs * blocks);
  const block = new Float32Array(blockSize);
  for (let output = 0; output < outputs; output++)
    for (let index = 0; index < blocks; index++) {
      for (let i = 0; i < blockSize; i++) {
        const input = index * blockSize + i;
        block[i] = input < inputs ? matrix.data[input * outputs + output]! : 0;
      }
      const { scale, zeroPoint } = symmetric ? symmetricBlock(block, bits) : affineBlock(block, bits);
      const at = output * blocks + index;
      scales[at] = scale;
      writeBits(zeros, output * zeroBytes, index, zeroPoint, bits);
      const most = { min: 0, max: 2 ** bits - 1 };
      for (let i = 0; i < blockSize; i++) {
        const value = clamp(roundHalfEven(block[i]! / scale) + zeroPoint, most);
        writeBits(values, at * blockBytes, i, value, bits);
      }
    }
  return {
    values: { type: 'uint8', dims: [outputs, blocks, blockBytes], data: values },
    scales: float32([scales.length], scales),
    zeroPoints: symmetric ? undefined : { type: 'uint8', dims: [zeros.length], data: zeros },
  };
}

type BlockParams = { readonly scale: number; readonly zeroPoint: number };

/** The weight of largest magnitude lands on the end of the type that has one step more, so no bit pattern is wasted. */
function symmetricBlock(block: Float32Array, bits: number): BlockParams {
  const zeroPoint = 2 ** (bits - 1);
  const extreme = block.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
  return { scale: Math.fround(-extreme / zeroPoint) || 1, zeroPoint };
}

function affineBlock(block: Float32Array, bits: number): BlockParams {
  const low = block.reduce((least, value) => Math.min(least, value), 0);
  const high = block.reduce((most, value) => Math.max(most, value), 0);
  const most = 2 ** bits - 1;
  const scale = Math.fround((high - low) / most) || 1;
  return { scale, zeroPoint: clamp(roundHalfEven(-low / scale), { min: 0, max: most }) };
}

/** Puts the value of `index` into its bits; those must be zero. */
function writeBits(bytes: Uint8Array, start: number, index: number, value: number, bits: number): void {
  const perByte = 8 / bits;
  const byte = start + Math.floor(index / perByte);
  bytes[byte] = bytes[byte]! | (value << ((index % perByte) * bits));
}
