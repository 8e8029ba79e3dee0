/** The ear of a slot's runners: decisions become telemetry, crashes events, counters a watch over the model's life. */
import { type ErrorRecord, errorRecordFrom } from '../../runtime/base/errors.ts';
import type { Decision, RecordSpec, RunnerEvent } from '../../runtime/infer/messages.ts';
import type { LifeEvent, LifeWatch } from '../drift/life-watch.ts';
import type { Watched } from '../drift/watched.ts';
import type { RunnerListener } from '../supervision/supervised-runner.ts';
import { RecordingProgress, tooLittle } from './calibration.ts';
import type { DeploymentEvent } from './events.ts';
import type { HealthWatch } from './health.ts';

export type DecisionSink = { write(decisions: readonly Decision[]): void; end(): void };

export type RunnerEarOptions = {
  readonly watched: Watched;
  readonly health: HealthWatch;
  readonly life: LifeWatch;
  readonly dispatch: (event: DeploymentEvent) => void;
  readonly openDecisions: () => DecisionSink;
  readonly announce: (type: string, severity: 'warning' | 'error', error: ErrorRecord) => void;
  readonly onDecisions: (decisions: readonly Decision[]) => void;
  readonly onCrash: (error: ErrorRecord) => void;
  /** A sign of life, whatever it was. */
  readonly onHeard: () => void;
  readonly recording?: LiveRecording | undefined;
};

/** A live recording that the active runner makes. */
export type LiveRecording = {
  readonly record: RecordSpec;
  readonly windows: number;
  readonly onProgress: (windows: number) => void;
  readonly onEnough: () => void;
};

export function listenToRunner(options: RunnerEarOptions): RunnerListener {
  const { watched, health, life, dispatch, announce } = options;
  const tell = (event: LifeEvent | undefined) => event && dispatch(event);
  const onRecording = options.recording && hearRecording(options.recording, dispatch);
  return {
    onProcess: () => {
      options.onHeard();
      let sink: DecisionSink | undefined;
      const ears: { readonly [K in RunnerEvent['kind']]?: (event: Extract<RunnerEvent, { kind: K }>) => void } = {
        ready: () => {
          life.reset();
          sink = options.openDecisions();
        },
        decisions: ({ decisions }) => {
          sink?.write(decisions);
          health.noteDecisions(decisions, watched.periodUs);
          options.onDecisions(decisions);
          tell(life.noteDecisions(decisions, watched));
        },
        problem: ({ error }) => announce('runner-problem', 'warning', error),
        shadow: ({ id, windows, disagreements }) => tell(life.noteShadow(id, { windows, disagreements }, watched)),
        inputs: ({ counts }) => tell(life.noteInputs(counts, watched)),
        recorded: (event) => onRecording?.(event),
        ended: (event) => onRecording?.(event),
      };
      return {
        onEvent: (event) => {
          options.onHeard();
          (ears[event.kind] as ((event: RunnerEvent) => void) | undefined)?.(event);
        },
        onExit: () => sink?.end(),
      };
    },
    onCrash: (error) => {
      health.noteCrash(error);
      options.onCrash(error);
      announce('runner-crash', 'warning', error);
    },
    onCrashLoop: (error) => {
      health.noteCrash(error);
      options.onCrash(error);
      dispatch({ kind: 'crashLoop', sha256: watched.sha256, error });
    },
  };
}

/** When there is enough, once; when the source ends before, that is the end of the calibration. */
function hearRecording(
  { windows, onProgress, onEnough }: LiveRecording,
  dispatch: (event: DeploymentEvent) => void,
): (event: RunnerEvent) => void {
  const progress = new RecordingProgress(windows);
  let isOver = false;
  return (event) => {
    if (isOver) return;
    const outcome = progress.note(event);
    onProgress(progress.windows);
    isOver = outcome !== 'going on';
    if (outcome === 'too little')
      dispatch({ kind: 'failed', error: errorRecordFrom(tooLittle(progress.windows, windows)) });
    if (outcome === 'enough') onEnough();
  };
}
