/** Which variant runs and why: the verdict in the agent's words, three figures against float32, and how it got there. */
import type { TrialRow } from '../../../agent/protocol/messages.ts';
import { chosenAndBaseline, type Slot, type Step } from '../figures.ts';
import { bytesInWords, microsecondsInWords, pointsInWords, ratioInWords } from '../words.ts';
import { Deployment } from './deployment.tsx';

type Props = { slot: Slot | undefined; lastSeen: Step | undefined };

export function ChosenCard({ slot, lastSeen }: Props) {
  const { chosen, baseline } = chosenAndBaseline(slot?.trials ?? []);
  return (
    <section class="card chosen" aria-label="Chosen variant">
      <h2>{slot?.active && slot.state !== 'succeeded' ? 'Running meanwhile' : 'Chosen variant'}</h2>
      {slot?.active ? (
        <>
          <p class="variant-name" data-testid="chosen-variant">
            {slot.active.variant}
          </p>
          <p class="verdict">{slot.active.verdict}</p>
        </>
      ) : (
        <p class="empty">Nothing runs yet. The device measures each variant itself before it chooses.</p>
      )}
      {slot?.active && chosen && baseline ? <Figures chosen={chosen} baseline={baseline} /> : null}
      {slot ? <Deployment slot={slot} lastSeen={lastSeen} /> : null}
    </section>
  );
}

function Figures({ chosen, baseline }: { chosen: TrialRow; baseline: TrialRow }) {
  const size = `${bytesInWords(chosen.sizeBytes)} instead of ${bytesInWords(baseline.sizeBytes)}`;
  return (
    <dl class="figures">
      <Figure
        value={ratioInWords(chosen.speedup)}
        name="as fast as float32"
        detail={`${microsecondsInWords(chosen.p50Us)} instead of ${microsecondsInWords(baseline.p50Us)}`}
      />
      <Figure value={ratioInWords(baseline.sizeBytes / chosen.sizeBytes)} name="smaller file" detail={size} />
      <AccuracyFigure chosen={chosen} baseline={baseline} />
    </dl>
  );
}

function AccuracyFigure({ chosen, baseline }: { chosen: TrialRow; baseline: TrialRow }) {
  if (chosen.accuracy === null || baseline.accuracy === null) {
    const agreement = chosen.agreement === null ? '–' : `${(chosen.agreement * 100).toFixed(1)} %`;
    return <Figure value={agreement} name="same decisions" detail={`on ${chosen.heldOutWindows} held-out windows`} />;
  }
  return (
    <Figure
      value={pointsInWords(chosen.accuracy - baseline.accuracy)}
      name="accuracy"
      detail={`on ${chosen.heldOutWindows} held-out windows`}
    />
  );
}

function Figure({ value, name, detail }: { value: string; name: string; detail: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
      <dd class="detail">{detail}</dd>
    </div>
  );
}
