/**
 * A fixed number of windows that stands for all a sensor has ever given: what calibrates a device is to be its whole life, not its first
 * minutes. Balanced over what the model decided, so that what is rare is there too.
 *
 * Which window is kept follows class-balancing reservoir sampling (Chrysakis and Moens 2020, algorithm 1): while there is room, every one; then one
 * of a class that is not among the largest replaces one of the largest; one of a largest class is kept with the chance that a plain reservoir
 * gives it. The longer it runs, the less it writes, which spares flash.
 */
import type { Clock } from '../../base/clock.ts';
import { OctetError, systemCodeOf } from '../../base/errors.ts';
import { type Pipeline, sampleWidth } from '../../data/pipeline.ts';
import type { ReserveSpec } from '../messages.ts';
import type { Report } from '../problems.ts';
import { openSlots, slotBytes, type WindowSlots } from './window-slots.ts';

export type ReservoirContext = {
  readonly pipeline: Pipeline;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly report: Report;
};

/** Windows that wait for a slow disk; further ones pass by. */
const mostWaiting = 4;

/** @throws WRITE_FAILED, DISK_FULL; DATA_INVALID when the budget holds no window. */
export async function openReservoir({ folder, maxBytes }: ReserveSpec, context: ReservoirContext): Promise<Reservoir> {
  const values = context.pipeline.window.samples * sampleWidth(context.pipeline);
  const capacity = Math.floor(maxBytes / slotBytes(values));
  if (capacity < 1)
    throw new OctetError(
      'DATA_INVALID',
      `reservoir: expected room for a window of ${slotBytes(values)} bytes, got ${maxBytes}`,
      {
        hint: 'Raise reserve.maxBytes in the configuration.',
      },
    );
  return new Reservoir(await openSlots(folder, values, capacity), context);
}

export class Reservoir {
  readonly #slots: WindowSlots;
  readonly #context: ReservoirContext;
  /** How often each class was offered since this process began; what is in the slots counts as offered once. */
  readonly #offered = new Map<string, number>();
  /** Class → its slots. */
  readonly #places = new Map<string, number[]>();
  #work = Promise.resolve();
  #waiting = 0;

  constructor(slots: WindowSlots, context: ReservoirContext) {
    this.#slots = slots;
    this.#context = context;
    for (const { slot, label } of slots.present) {
      this.#placesOf(label).push(slot);
      this.#count(label);
    }
  }

  /** How many windows there are of each class. */
  get sizes(): ReadonlyMap<string, number> {
    return new Map([...this.#places].map(([label, slots]) => [label, slots.length]));
  }

  /** Considers a window. Never waits, never throws. @param window is copied if it is kept. */
  offer(window: Float32Array, label: string): void {
    const offered = this.#count(label);
    if (this.#waiting >= mostWaiting) return;
    const slot = this.#slotFor(label, offered);
    if (slot === undefined) return;
    this.#placesOf(label).push(slot);
    const copy = Float32Array.from(window);
    const tUs = Math.round(this.#context.clock.wallMs() * 1000);
    this.#waiting++;
    this.#work = this.#work
      .then(() => this.#slots.write(slot, { label, tUs, window: copy }))
      .catch((cause) => this.#context.report(failure(this.#slots.folder, cause)))
      .finally(() => {
        this.#waiting--;
      });
  }

  /** Resolves when all that was taken so far is written. */
  written(): Promise<void> {
    return this.#work;
  }

  async close(): Promise<void> {
    await this.#work;
    await this.#slots.close();
  }

  /** The slot that this window takes, freed; undefined when it passes by. */
  #slotFor(label: string, offered: number): number | undefined {
    const free = this.#slots.takeFree();
    if (free !== undefined) return free;
    const largest = Math.max(...[...this.#places.values()].map((slots) => slots.length));
    const own = this.#places.get(label)?.length ?? 0;
    if (own < largest) return this.#takeOf(this.#pick(this.#classesOf(largest)));
    return this.#context.random() < own / offered ? this.#takeOf(label) : undefined;
  }

  #takeOf(label: string): number {
    const slots = this.#placesOf(label);
    const [slot] = slots.splice(Math.floor(this.#context.random() * slots.length), 1) as [number];
    return slot;
  }

  #classesOf(size: number): string[] {
    return [...this.#places].filter(([, slots]) => slots.length === size).map(([label]) => label);
  }

  #pick(labels: readonly string[]): string {
    return labels[Math.floor(this.#context.random() * labels.length)] as string;
  }

  #placesOf(label: string): number[] {
    const slots = this.#places.get(label) ?? [];
    this.#places.set(label, slots);
    return slots;
  }

  #count(label: string): number {
    const offered = (this.#offered.get(label) ?? 0) + 1;
    this.#offered.set(label, offered);
    return offered;
  }
}

function failure(folder: string, cause: unknown): OctetError {
  return new OctetError(
    'WRITE_FAILED',
    `reservoir ${folder}: expected to write a window, got ${systemCodeOf(cause) ?? cause}`,
    {
      hint: `Check that the disk has room: df -h ${folder}. Decisions go on.`,
      cause,
    },
  );
}
