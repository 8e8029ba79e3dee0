/**
 * Every position along every axis of every value, in sets of those that can only be removed together. Operators join positions
 * (an Add joins channel 3 of both its inputs with channel 3 of its output) and pin those that must stay. Union-find, so that
 * the sets cost no more than the positions.
 */

export type Dims = readonly number[];

/** The positions `first` to `first + size − 1`. */
export type Axis = { readonly first: number; readonly size: number };

/** Why a position stays, and the node whose doing it is (`''`: the model's inputs or outputs). */
export type Pin = { readonly node: string; readonly reason: string };

export class Positions {
  readonly #starts: ReadonlyMap<string, readonly Axis[]>;
  readonly #parents: Int32Array;
  readonly #pins = new Map<number, Pin>();

  /** @param shapes of all values, constants too. */
  constructor(shapes: ReadonlyMap<string, Dims>) {
    let next = 0;
    const axisOf = (size: number): Axis => {
      const axis = { first: next, size };
      next += size;
      return axis;
    };
    this.#starts = new Map([...shapes].map(([name, dims]) => [name, dims.map(axisOf)]));
    this.#parents = Int32Array.from({ length: next }, (_, index) => index);
  }

  /** Undefined where the value's shape is not known. */
  axes(name: string): readonly Axis[] | undefined {
    return this.#starts.get(name);
  }

  /** One number for each set. */
  setOf(position: number): number {
    const parents = this.#parents;
    let root = position;
    while (parents[root] !== root) root = parents[root]!;
    // Halves the way for whoever asks next.
    for (let at = position; at !== root; ) [at, parents[at]] = [parents[at]!, root];
    return root;
  }

  join(a: number, b: number): void {
    const [root, other] = [this.setOf(a), this.setOf(b)];
    if (root === other) return;
    this.#parents[other] = root;
    const pin = this.#pins.get(other);
    if (pin) this.#pin(root, pin);
  }

  /** Position by position; the axes are equally long. */
  joinAxes(a: Axis, b: Axis): void {
    for (let at = 0; at < a.size; at++) this.join(a.first + at, b.first + at);
  }

  pin(axis: Axis, pin: Pin): void {
    for (let at = 0; at < axis.size; at++) this.#pin(this.setOf(axis.first + at), pin);
  }

  pinOf(position: number): Pin | undefined {
    return this.#pins.get(this.setOf(position));
  }

  /** Whether any of it may be removed, as far as is known by now. */
  isFree(axis: Axis): boolean {
    return Array.from({ length: axis.size }, (_, at) => this.pinOf(axis.first + at)).some((pin) => pin === undefined);
  }

  /** The first reason stays: it is the nearest to the model's input. */
  #pin(root: number, pin: Pin): void {
    if (!this.#pins.has(root)) this.#pins.set(root, pin);
  }
}
