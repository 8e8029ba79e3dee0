/**
 * Where decisions act on the device itself. A sink takes a decision and returns at once; what it cannot do it reports, and it
 * never holds up or stops inference.
 */
import type { Decision } from '../messages.ts';

export type Sink = {
  /** Never throws, never waits. */
  write(decision: Decision): void;
  /** Resolves when everything taken was delivered or reported as lost. */
  close(): Promise<void>;
};
