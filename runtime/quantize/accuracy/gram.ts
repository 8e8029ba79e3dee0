/**
 * Second moments of what a layer reads: for each group the matrix E[x·xᵀ] of the columns that its kernel meets, which says how
 * errors of its weights add up in its output. Bounded: a few columns of each sample, and no layer too wide for it.
 */
import { intsAttribute, stringAttribute } from '../../graph/attributes.ts';
import type { Tensor } from '../../graph/tensor.ts';
import type { Layer } from './layers.ts';

export type Gram = {
  /** Elements of one output channel's weights, which is the matrix's size. */
  readonly size: number;
  /** One [size, size] matrix for each group, row-major. */
  readonly groups: readonly Float64Array[];
};

export type GramMeter = {
  /** One sample's input. */
  add(input: Tensor<'float32'>): void;
  gram(): Gram;
};

/** 10 MB of float64. A wider layer has so many weights that rounding errors average out anyway. */
const maxSize = 1152;
/** Columns of one sample: neighbouring ones are nearly the same. */
const columnsPerSample = 24;

/** Undefined for a layer that is too wide, or whose columns are not worth finding (padding by name). */
export function gramMeter(layer: Layer): GramMeter | undefined {
  const size = (layer.inputs / layer.groups) * layer.kernel;
  if (size > maxSize || stringAttribute(layer.node, 'auto_pad', 'NOTSET') !== 'NOTSET') return undefined;
  const groups = Array.from({ length: layer.groups }, () => new Float64Array(size * size));
  const columnAt = layer.outputAxis === 1 ? convolutionColumns(layer) : rowColumns(layer);
  const column = new Float64Array(size);
  let columns = 0;
  return {
    add(input) {
      const { count, read } = columnAt(input);
      // A stride prime to most widths, so that all rows and columns of an image are met.
      const stride = Math.max(1, Math.floor(count / columnsPerSample)) | 1;
      for (let at = columns % stride; at < count; at += stride) {
        for (const [group, matrix] of groups.entries()) {
          read(at, group, column);
          addOuter(matrix, column);
        }
        columns += 1;
      }
    },
    gram: () => ({ size, groups: groups.map((matrix) => mirrored(matrix, size, Math.max(columns, 1))) }),
  };
}

type Columns = { readonly count: number; read(at: number, group: number, into: Float64Array): void };

function rowColumns({ inputs }: Layer): (input: Tensor<'float32'>) => Columns {
  return ({ data }) => ({
    count: data.length / inputs,
    read: (at, _, into) => into.set(data.subarray(at * inputs, (at + 1) * inputs)),
  });
}

/** The columns of im2col, of any number of spatial axes. */
function convolutionColumns({ node, dims, inputs, groups }: Layer): (input: Tensor<'float32'>) => Columns {
  const kernel = dims.slice(2);
  const rank = kernel.length;
  const strides = intsAttribute(node, 'strides', new Array<number>(rank).fill(1));
  const dilations = intsAttribute(node, 'dilations', new Array<number>(rank).fill(1));
  const pads = intsAttribute(node, 'pads', new Array<number>(2 * rank).fill(0));
  const taps = indicesOf(kernel);
  const channels = inputs / groups;
  return ({ dims: inputDims, data }) => {
    const spatial = inputDims.slice(2);
    const plane = spatial.reduce((product, size) => product * size, 1);
    const output = spatial.map((size, axis) => {
      const reach = dilations[axis]! * (kernel[axis]! - 1) + 1;
      return Math.max(0, Math.floor((size + pads[axis]! + pads[axis + rank]! - reach) / strides[axis]!) + 1);
    });
    const perImage = output.reduce((product, size) => product * size, 1);
    const read = (at: number, group: number, into: Float64Array) => {
      const image = Math.floor(at / perImage);
      const position = unravel(at % perImage, output);
      for (const [tap, offsets] of taps.entries()) {
        const cell = cellAt(position, offsets, spatial, strides, dilations, pads);
        for (let channel = 0; channel < channels; channel++) {
          const from = (image * inputs + group * channels + channel) * plane;
          into[channel * taps.length + tap] = cell < 0 ? 0 : data[from + cell]!;
        }
      }
    };
    return { count: inputDims[0]! * perImage, read };
  };
}

/** Index of the input's cell under a tap of the kernel; −1 in the padding. */
function cellAt(
  position: readonly number[],
  tap: readonly number[],
  spatial: readonly number[],
  strides: readonly number[],
  dilations: readonly number[],
  pads: readonly number[],
): number {
  let cell = 0;
  for (const [axis, size] of spatial.entries()) {
    const at = position[axis]! * strides[axis]! + tap[axis]! * dilations[axis]! - pads[axis]!;
    if (at < 0 || at >= size) return -1;
    cell = cell * size + at;
  }
  return cell;
}

function indicesOf(sizes: readonly number[]): readonly (readonly number[])[] {
  const count = sizes.reduce((product, size) => product * size, 1);
  return Array.from({ length: count }, (_, index) => unravel(index, sizes));
}

function unravel(index: number, sizes: readonly number[]): readonly number[] {
  const position = new Array<number>(sizes.length);
  let rest = index;
  for (let axis = sizes.length - 1; axis >= 0; axis--) {
    position[axis] = rest % sizes[axis]!;
    rest = Math.floor(rest / sizes[axis]!);
  }
  return position;
}

/** Adds the upper triangle of column·columnᵀ. */
function addOuter(matrix: Float64Array, column: Float64Array): void {
  const size = column.length;
  for (let i = 0; i < size; i++) {
    const value = column[i]!;
    if (value === 0) continue;
    const row = i * size;
    for (let j = i; j < size; j++) matrix[row + j]! += value * column[j]!;
  }
}

function mirrored(matrix: Float64Array, size: number, count: number): Float64Array {
  const full = new Float64Array(matrix.length);
  for (let i = 0; i < size; i++)
    for (let j = i; j < size; j++) full[i * size + j] = full[j * size + i] = matrix[i * size + j]! / count;
  return full;
}
