/**
 * What the daemon asks of the rest of the program, as types: `commands/agent.ts` gives it the real things, tests give it
 * fakes. Each of them does its heavy work in processes of its own.
 */
import type { ModelFolder } from '../models/manifest.ts';
import type { PulledModel, PullRequest } from '../models/pull.ts';
import type { Clock } from '../runtime/base/clock.ts';
import type { Logger } from '../runtime/base/log.ts';
import type { ClockTrust } from '../runtime/hardware/clock-sync.ts';
import type { ThrottleReason } from '../runtime/hardware/thermals.ts';
import type { InputProfile } from '../runtime/infer/input-profile.ts';
import type { RunnerStart } from '../runtime/infer/messages.ts';
import type { ProfileRequest } from '../runtime/infer/profile-inputs.ts';
import type { RunnerHandle, RunnerOptions } from '../runtime/infer/runner-handle.ts';
import type { BenchReport } from '../runtime/measure/bench-report.ts';
import type { SelectionProgress, SelectionRequest, SelectionResult } from '../runtime/select/selection.ts';
import type { Systemd } from './health/systemd.ts';
import type { LogTail } from './jobs/log-tail.ts';
import type { BenchWork } from './jobs/performers.ts';
import type { Info } from './protocol/messages.ts';

export type SystemReading = {
  readonly temperatureC: number | null;
  /** Share of all cores in use since the last reading, 0 to 1. */
  readonly cpuLoad: number | null;
  readonly memoryAvailableBytes: number | null;
  readonly pssBytes: (pid: number | 'self') => number | null;
  /** What holds the processor back now; null where the board does not tell. */
  readonly throttled: readonly ThrottleReason[] | null;
};

export type DeviceInfo = Omit<Info, 'proto' | 'device' | 'agent' | 'node' | 'simulated'>;

export type Ports = {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  /** The agent's version. */
  readonly version: string;
  readonly bootId: () => string;
  readonly startRunner: (start: RunnerStart, options: RunnerOptions) => RunnerHandle;
  readonly runSelection: (
    request: SelectionRequest,
    options: { onProgress: (progress: SelectionProgress) => void; signal: AbortSignal },
  ) => Promise<SelectionResult>;
  /** `octet bench` in a process of its own. */
  readonly runBench: (
    work: BenchWork,
    options: { onProgress: (fraction: number) => void; signal: AbortSignal },
  ) => Promise<BenchReport>;
  /** The newest lines of the log. */
  readonly logTail: LogTail;
  /** Whether something (systemd, a parent) starts the agent again when it ends. */
  readonly isSupervised: boolean;
  /** What a variant's inputs look like on the windows it was calibrated with. */
  readonly profileInputs: (request: ProfileRequest, options: { signal: AbortSignal }) => Promise<InputProfile>;
  readonly pullModel: (request: Omit<PullRequest, 'clock'>) => Promise<PulledModel>;
  /** Reads a model folder and checks every file against its digest. */
  readonly verifyModel: (folder: string) => Promise<ModelFolder>;
  /** Reads the manifest alone: quick, for a start. */
  readonly readModel: (folder: string) => Promise<ModelFolder>;
  readonly probe: (signal: AbortSignal) => Promise<DeviceInfo>;
  readonly readSystem: () => SystemReading;
  /** The service manager, or one that hears nothing. */
  readonly systemd: Systemd;
  /** Whether the wall clock can be believed, and why (not). */
  readonly clockTrust: () => ClockTrust;
};
