/** What the runner process and whoever started it (the agent, `octet run`) say to each other over IPC. */
import type { ErrorRecord } from '../base/errors.ts';
import type { Pipeline, Task } from '../data/pipeline.ts';
import type { InputCounts, InputProfile } from './input-profile.ts';
import type { IioSpec } from './sources/iio-device.ts';
import type { SampleFormat } from './sources/sample-format.ts';

/** Where samples come from. */
export type SourceSpec =
  /** Recordings played back as if they were live; simulated, and says so. `speed` 1 is real time, 0 as fast as possible. */
  | { readonly kind: 'replay'; readonly recordings: readonly string[]; readonly speed: number; readonly loop: boolean }
  /** A program that prints samples; JSON lines where no format is named. */
  | { readonly kind: 'command'; readonly command: readonly string[]; readonly format?: SampleFormat }
  /** A sensor of the Linux Industrial I/O subsystem. */
  | IioSpec
  /** The device's own load, memory and temperature: channels are chosen by their names. */
  | { readonly kind: 'system' };

/** Where decisions act locally; none needs the network. */
export type SinkSpec =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'socket'; readonly path: string }
  /** Started once per decision whose label is in `labels` (all when absent); the decision is its stdin, as JSON. */
  | { readonly kind: 'command'; readonly command: readonly string[]; readonly labels?: readonly string[] }
  /** Started once; each decision is a line of JSON on its stdin. */
  | { readonly kind: 'pipe'; readonly command: readonly string[]; readonly labels?: readonly string[] }
  /** A line of a GPIO chip, active for `holdMs` (default 500) when the label is one of these. */
  | {
      readonly kind: 'gpio';
      /** `gpiochip0` */
      readonly chip: string;
      readonly line: number;
      readonly labels: readonly string[];
      readonly holdMs?: number;
    };

/** Records windows for calibration into a recording folder, up to `maxBytes`. */
export type RecordSpec = { readonly folder: string; readonly maxBytes: number };

/** Keeps windows from the sensor's whole life, balanced over the decisions, within `maxBytes`. */
export type ReserveSpec = { readonly folder: string; readonly maxBytes: number };

export type RunnerStart = {
  readonly kind: 'start';
  /** The model or variant to run. */
  readonly modelPath: string;
  /** Window → model input, as an ONNX graph; absent when the window is the input. */
  readonly featuresPath?: string;
  readonly pipeline: Pipeline;
  readonly task: Task;
  readonly source: SourceSpec;
  readonly sinks: readonly SinkSpec[];
  readonly record?: RecordSpec;
  readonly reserve?: ReserveSpec;
  /** A Unix socket on which other programs may ask the model. */
  readonly serve?: string;
  readonly threads: number;
  /** Two models to compare on live windows, from the start. */
  readonly shadow?: ShadowSpec;
  /** What inputs were like at the calibration: they are counted against it. */
  readonly profile?: InputProfile;
};

/** Which two models decide on which share of the live windows without consequences. */
export type ShadowSpec = {
  /** Told with what was counted: another id, another count. */
  readonly id: string;
  /** What is judged, and what it is judged by; either may be the active model. */
  readonly subjectPath: string;
  readonly referencePath: string;
  /** Of the windows, 0 to 1. */
  readonly share: number;
  /** Where the two are versions of another model than the active one: how they are fed and read. */
  readonly model?: Pick<RunnerStart, 'featuresPath' | 'pipeline' | 'task'>;
};

export type RunnerRequest =
  | RunnerStart
  /** Begins, replaces or (without one) ends a comparison. */
  | { readonly kind: 'shadow'; readonly shadow?: ShadowSpec }
  | { readonly kind: 'stop' };

/** One decision. */
export type Decision = {
  /** Unix time of the window's last sample, microseconds. */
  readonly tUs: number;
  /** 0, 1, 2, … since this runner started. */
  readonly seq: number;
  readonly label: string;
  /** Softmax probability of the label (classify), or the metric of the task. */
  readonly score: number;
  /** Window complete → decision made, microseconds. */
  readonly latencyUs: number;
  /** The label the recording carries at this window, when the source is a labelled replay. */
  readonly truth?: string;
};

export type RunnerEvent =
  | { readonly kind: 'ready'; readonly loadMs: number }
  /** Decisions in order, sent in small groups (at most 250 ms apart). */
  | { readonly kind: 'decisions'; readonly decisions: readonly Decision[] }
  | { readonly kind: 'recorded'; readonly windows: number; readonly bytes: number; readonly full: boolean }
  /** Two models compared so far under this id; sent at most every second, when something was. */
  | { readonly kind: 'shadow'; readonly id: string; readonly windows: number; readonly disagreements: number }
  /** Inputs counted since the last such event, every few hundred windows. */
  | { readonly kind: 'inputs'; readonly counts: InputCounts }
  /** A sensor's program, the leader of a process group, runs, or does not any more: who is left alone with it has to end it. */
  | { readonly kind: 'program'; readonly pid: number; readonly isRunning: boolean }
  /** Its event loop turns: it may wait for its sensor, but it does not hang. Every ten seconds. */
  | { readonly kind: 'alive' }
  /** The source has no more samples (a replay without loop). */
  | { readonly kind: 'ended' }
  /** A sink, the recorder, the source or a window without a finite output is trouble; inference goes on. `count` is how often so far, sent at most every 10 s. */
  | { readonly kind: 'problem'; readonly error: ErrorRecord; readonly count: number }
  /** The runner cannot go on; its process ends. */
  | { readonly kind: 'failed'; readonly error: ErrorRecord };
