/** One step of each recurrent cell, as standard operators. Source: ONNX LSTM-14, GRU-14, equations. */
import type { Writer } from '../writer.ts';

/** One direction of one layer. */
export type Cell = {
  readonly write: Writer;
  readonly hidden: number;
  readonly gates: number;
  /** Activation functions, as operators. */
  readonly functions: readonly string[];
  /** [input, gates · hidden] */
  readonly w: string;
  /** [hidden, gates · hidden] */
  readonly r: string;
  /** [gates · hidden] each; undefined when the layer has none. */
  readonly inputBias: string | undefined;
  readonly stateBias: string | undefined;
  /** GRU: the reset gate comes after the product with the state. */
  readonly resetsAfter: boolean;
};

/** [batch, hidden] each: the hidden state, and for LSTM the cell's. */
export type States = readonly string[];

/** @param x the step's input times `w`, with its bias: [batch, gates · hidden]. */
export type CellStep = (cell: Cell, x: string, states: States) => States;

/** i, o, f, c = gates; C = f·C + i·g(c); H = o·h(C). */
export const lstmStep: CellStep = (cell, x, [h, c]) => {
  const { write, functions } = cell;
  const [f, g, out] = functions as [string, string, string];
  const [input, output, forget, fresh] = splitGates(cell, write.op('Add', [x, stateProduct(cell, h!)]));
  const kept = write.op('Mul', [write.op(f, [forget!]), c!]);
  const added = write.op('Mul', [write.op(f, [input!]), write.op(g, [fresh!])]);
  const next = write.op('Add', [kept, added]);
  return [write.op('Mul', [write.op(f, [output!]), write.op(out, [next])]), next];
};

/** z, r = gates; n = g(Wx + r·(Rh + b)) or g(Wx + R(r·h) + b); H = (1 − z)·n + z·H. */
export const gruStep: CellStep = (cell, x, [h]) => {
  const { write, functions, hidden, r, stateBias, resetsAfter } = cell;
  const [f, g] = functions as [string, string];
  const [zx, rx, nx] = splitGates(cell, x);
  const [zh, rh, nh] = splitGates(cell, stateProduct(cell, h!));
  const update = write.op(f, [write.op('Add', [zx!, zh!])]);
  const reset = write.op(f, [write.op('Add', [rx!, rh!])]);
  const part = (name: string, axis: number) =>
    write.op('Slice', [name, write.ints([2 * hidden]), write.ints([3 * hidden]), write.ints([axis])]);
  const before = () => {
    const product = write.op('MatMul', [write.op('Mul', [reset, h!]), part(r, 1)]);
    return stateBias ? write.op('Add', [product, part(stateBias, 0)]) : product;
  };
  const state = resetsAfter ? write.op('Mul', [reset, nh!]) : before();
  const fresh = write.op(g, [write.op('Add', [nx!, state])]);
  const rest = write.op('Mul', [write.op('Sub', [write.float(1), update]), fresh]);
  return [write.op('Add', [rest, write.op('Mul', [update, h!])])];
};

function stateProduct({ write, r, stateBias }: Cell, h: string): string {
  const product = write.op('MatMul', [h, r]);
  return stateBias ? write.op('Add', [product, stateBias]) : product;
}

function splitGates({ write, hidden, gates }: Cell, value: string): readonly string[] {
  const sizes = write.ints(new Array(gates).fill(hidden));
  return write.ops('Split', [value, sizes], { axis: { kind: 'int', value: 1n } }, gates);
}
