/**
 * The recent past as two lanes of colour, what was decided over what the recording says, so that a mistake is a visible
 * step between the lanes; a ✗ marks it as well, because colour alone is no sign for everybody.
 */
import type { Decision } from '../stream.ts';
import { isRight, tallyOf } from '../tally.ts';
import { nameOf, percentInWords, timeInWords } from '../words.ts';
import { hueOf } from './hues.ts';

/** As many as stay distinguishable on a phone's width. */
const shown = 72;

export function DecisionStrip({ decisions, labels }: { decisions: readonly Decision[]; labels: readonly string[] }) {
  const recent = decisions.slice(-shown);
  const hasTruth = recent.some(({ truth }) => truth !== undefined);
  return (
    <figure class="strip">
      <div class="lanes" role="img" aria-label={summaryOf(recent)}>
        {recent.map((decision) => (
          <Cell key={`${decision.epoch}/${decision.seq}`} decision={decision} labels={labels} hasTruth={hasTruth} />
        ))}
      </div>
      <figcaption>
        <ul class="legend">
          {labels.map((label) => (
            <li key={label}>
              <span class="swatch" style={{ background: hueOf(labels, label) }} />
              {nameOf(label)}
            </li>
          ))}
        </ul>
        {hasTruth ? <p class="lane-key">Wide lane: decided. Narrow lane: the recording. ✗ where they differ.</p> : null}
      </figcaption>
    </figure>
  );
}

type CellProps = { decision: Decision; labels: readonly string[]; hasTruth: boolean };

function Cell({ decision, labels, hasTruth }: CellProps) {
  const { label, truth, tMs, score } = decision;
  const isWrong = truth !== undefined && !isRight(decision);
  const title = `${timeInWords(tMs)}: ${nameOf(label)}, ${percentInWords(score, 0)} sure${isWrong ? `; recording: ${nameOf(truth)}` : ''}`;
  return (
    <span class={isWrong ? 'cell cell-wrong' : 'cell'} title={title}>
      <span class="decided" style={{ background: hueOf(labels, label) }} />
      {hasTruth ? (
        <span class="truth" style={{ background: truth === undefined ? 'none' : hueOf(labels, truth) }} />
      ) : null}
    </span>
  );
}

function summaryOf(recent: readonly Decision[]): string {
  const { right, judged } = tallyOf(recent);
  return judged === 0 ? `The last ${recent.length} decisions` : `Of the last ${judged} decisions, ${right} are right`;
}
