/** What the device says now: the decision, how sure it is, whether the recording agrees, and how it went so far. */
import { accuracyOf, isRight } from '../figures.ts';
import type { Decision } from '../stream.ts';
import { countInWords, microsecondsInWords, nameOf, percentInWords } from '../words.ts';
import { DecisionStrip } from './decision-strip.tsx';
import { hueOf } from './hues.ts';

type Props = { decisions: readonly Decision[]; labels: readonly string[]; simulated: readonly string[] };

export function NowCard({ decisions, labels, simulated }: Props) {
  const latest = decisions.at(-1);
  return (
    <section class="card now" aria-label="Current decision">
      <h2>
        Deciding now
        {simulated.map((what) => (
          <span class="aside" key={what}>
            simulated: {what}
          </span>
        ))}
      </h2>
      {latest ? (
        <>
          <div class="now-row">
            <Latest decision={latest} labels={labels} />
            <RunningAccuracy decisions={decisions} isReplay={simulated.length > 0} />
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

function RunningAccuracy({ decisions, isReplay }: { decisions: readonly Decision[]; isReplay: boolean }) {
  const { right, judged } = accuracyOf(decisions);
  return (
    <dl class="running">
      <div>
        <dt>{isReplay ? 'right, against the recording' : 'right'}</dt>
        <dd data-testid="running-accuracy">{judged === 0 ? '–' : percentInWords(right / judged)}</dd>
      </div>
      <div>
        <dt>decisions</dt>
        <dd data-testid="decision-count">{countInWords(decisions.length)}</dd>
      </div>
    </dl>
  );
}
