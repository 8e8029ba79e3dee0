/** What is watched of a runnable while it runs. */
import type { InputProfile } from '../../runtime/infer/input-profile.ts';

export type Watched = {
  readonly sha256: string;
  readonly variant: string;
  /** The comparison with float32 that judges it; null where there is none. */
  readonly shadowId: string | null;
  /** Share of decisions that may differ from float32's. */
  readonly disagreementLimit: number;
  /** From one window to the next, microseconds. */
  readonly periodUs: number;
  readonly profile: InputProfile | undefined;
};
