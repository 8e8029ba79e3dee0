/** Listens to the demo's device on the broker, keeps its state, and lets others wait for something to be true of it. */
import type { Clock } from '../../runtime/base/clock.ts';
import { openLink } from '../console/link.ts';
import { type DeviceState, type FleetState, initialState, type Message, newDevice, reduce } from '../console/state.ts';
import { follow, noProgress, type Progress } from './follow.ts';

/** What is known at one moment. */
export type View = { readonly device: DeviceState; readonly progress: Progress; readonly isConnected: boolean };

export class DeviceWatch implements AsyncDisposable {
  readonly #id: string;
  readonly #clock: Clock;
  readonly #close: () => Promise<void>;
  readonly #listeners = new Set<(view: View) => void>();
  #fleet: FleetState = initialState;
  #progress = noProgress;

  constructor(brokerUrl: string, id: string, clock: Clock) {
    this.#id = id;
    this.#clock = clock;
    this.#close = openLink({ brokerUrl, device: id, clientId: `${id}-terminal-${process.pid}` }, (message) =>
      this.#take(message),
    );
  }

  get view(): View {
    return {
      device: deviceIn(this.#fleet, this.#id),
      progress: this.#progress,
      isConnected: this.#fleet.link === 'connected',
    };
  }

  /** Calls `listener` after each message. */
  onChange(listener: (view: View) => void): void {
    this.#listeners.add(listener);
  }

  /** Resolves once `look` returns something; rejects when it throws. Looked at now and after each message. */
  async when<T>(look: (view: View) => T | undefined): Promise<T> {
    const seen = look(this.view);
    if (seen !== undefined) return seen;
    return new Promise<T>((resolve, reject) => {
      const listener = (view: View) => {
        try {
          const found = look(view);
          if (found === undefined) return;
          resolve(found);
        } catch (error) {
          reject(error);
        }
        this.#listeners.delete(listener);
      };
      this.#listeners.add(listener);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listeners.clear();
    await this.#close();
  }

  #take(message: Message): void {
    const before = this.#fleet.devices.get(this.#id);
    this.#fleet = reduce(this.#fleet, message);
    this.#progress = follow(this.#progress, before, deviceIn(this.#fleet, this.#id), this.#clock.monotonicMs());
    const { view } = this;
    for (const listener of [...this.#listeners]) listener(view);
  }
}

function deviceIn(fleet: FleetState, id: string): DeviceState {
  return fleet.devices.get(id) ?? newDevice(id);
}
