/** What the device says now: the decision, how sure it is, whether the recording agrees, and how it went so far. */
import type { DeviceState } from '../state.ts';
import type { Decision } from '../stream.ts';
import { accuracyOf, isRight, type Tally } from '../tally.ts';
import { countInWords, microsecondsInWords, nameOf, percentInWords } from '../words.ts';
import { DecisionStrip } from './decision-strip.tsx';
import { hueOf } from './hues.ts';

export function NowCard({ device }: { device: DeviceState }) {
  const { decisions, tally, labels } = device;
  const simulated = device.info?.simulated ?? [];
  const latest = decisions.at(-1);
  return (
    <section class="card now" aria-label="Current decision">
      <h2>
        Deciding now
        {simulated.map((what) => (
          <span class="aside" key={what}>
            simulated: {what.replace(/^slot \S+: /, '')}
          </span>
        ))}
      </h2>
      {latest ? (
        <>
          <div class="now-row">
            <Latest decision={latest} labels={labels} />
            <RunningAccuracy tally={tally} isReplay={simulated.length > 0} />
          </div>
          <DecisionStrip decisions={decisions} labels={labels} />
        </>
      ) : (
        <p class="empty">No decision yet. They appear here as soon as a model is active.</p>
      )}
      {/* Read out only when the label changes, not with every figure. */}
      <p class="visually-hidden" aria-live="polite">
        {latest ? nameOf(latest.label) : ''}
      </p>
    </section>
  );
}

function Latest({ decision, labels }: { decision: Decision; labels: readonly string[] }) {
  const { label, score, latencyUs, truth } = decision;
  return (
    <div class="latest">
      <p class="latest-label" data-testid="latest-label">
        <span class="swatch" style={{ background: hueOf(labels, label) }} aria-hidden="true" />
        {nameOf(label)}
      </p>
      <div class="confidence" aria-hidden="true">
        <span style={{ width: `${Math.min(1, Math.max(0, score)) * 100}%`, background: hueOf(labels, label) }} />
      </div>
      <p class="latest-figures">
        {percentInWords(score)} sure, decided in {microsecondsInWords(latencyUs)}
        {truth === undefined ? null : <Verdict truth={truth} right={isRight(decision)} />}
      </p>
    </div>
  );
}

function Verdict({ truth, right }: { truth: string; right: boolean }) {
  return right ? (
    <span class="mark mark-good">✓ right</span>
  ) : (
    <span class="mark mark-bad">✗ recording says {nameOf(truth).toLowerCase()}</span>
  );
}

function RunningAccuracy({ tally, isReplay }: { tally: Tally; isReplay: boolean }) {
  const accuracy = accuracyOf(tally);
  return (
    <dl class="running">
      <div>
        <dt>{isReplay ? 'right, against the recording' : 'right'}</dt>
        <dd data-testid="running-accuracy">{accuracy === null ? '–' : percentInWords(accuracy)}</dd>
      </div>
      <div>
        <dt>decisions</dt>
        <dd data-testid="decision-count">{countInWords(tally.decisions)}</dd>
      </div>
    </dl>
  );
}
