/** Row-major positions: shapes that stretch to each other (ONNX Broadcasting.md), and flat indices split per axis. */
import { OctetError } from '../base/errors.ts';

/** Distance in memory between neighbours along each axis of a dense tensor. */
export function stridesOf(dims: readonly number[]): readonly number[] {
  const strides = new Array<number>(dims.length);
  for (let axis = dims.length - 1, stride = 1; axis >= 0; stride *= dims[axis]!, axis--) strides[axis] = stride;
  return strides;
}

/** The position along each axis of the element at flat index `index`. */
export function coordinatesOf(index: number, dims: readonly number[]): number[] {
  const coordinates = new Array<number>(dims.length);
  for (let axis = dims.length - 1, rest = index; axis >= 0; axis--) {
    coordinates[axis] = rest % dims[axis]!;
    rest = Math.floor(rest / dims[axis]!);
  }
  return coordinates;
}

/** The shape that both stretch to. @throws MODEL_INVALID when they do not fit. */
export function broadcastDims(a: readonly number[], b: readonly number[]): readonly number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const [m, n] = [a[axis - rank + a.length] ?? 1, b[axis - rank + b.length] ?? 1];
    if (m === n || n === 1) return m;
    if (m === 1) return n;
    throw new OctetError('MODEL_INVALID', `expected shapes that broadcast, got [${a}] and [${b}]`);
  });
}

/** For a flat index into the shape `to`, the flat index of the element of a tensor of shape `from` that is seen there. */
export function broadcastIndex(from: readonly number[], to: readonly number[]): (index: number) => number {
  const lead = to.length - from.length;
  const strides = stridesOf(from).map((stride, axis) => (from[axis] === 1 ? 0 : stride));
  return (index) => {
    const coordinates = coordinatesOf(index, to);
    return strides.reduce((sum, stride, axis) => sum + stride * coordinates[lead + axis]!, 0);
  };
}
