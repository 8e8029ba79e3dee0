/** How far the deployment is: six steps, the bar of the current one, and what went wrong if it did. */
import { currentStep, type Slot, type Step, type StepState, stepStates } from '../figures.ts';
import { percentInWords, timeInWords } from '../words.ts';

export function Deployment({ slot, lastSeen }: { slot: Slot; lastSeen: Step | undefined }) {
  return (
    <div class="deployment">
      <ol class="steps" aria-label="Deployment">
        {stepStates(slot, lastSeen).map(([step, state]) => (
          <li key={step} class={`step step-${state}`} aria-current={state === 'current' ? 'step' : undefined}>
            <span aria-hidden="true">{marks[state]}</span> {step}
            <span class="visually-hidden"> ({stateWords[state]})</span>
          </li>
        ))}
      </ol>
      <Progress slot={slot} />
      {slot.error ? (
        <p class="failure">
          <strong>{slot.error.code}</strong> {slot.error.message}
          {slot.error.hint === undefined ? null : <span class="hint">{slot.error.hint}</span>}
        </p>
      ) : null}
    </div>
  );
}

const marks = { done: '✓', current: '▸', failed: '✗', ahead: '·' } as const satisfies Record<StepState, string>;

const stateWords = {
  done: 'done',
  current: 'under way',
  failed: 'stopped here',
  ahead: 'to come',
} as const satisfies Record<StepState, string>;

function Progress({ slot }: { slot: Slot }) {
  if (currentStep(slot) === undefined) {
    const model = slot.active ? `${slot.active.model} ${slot.active.version} · ` : '';
    return (
      <p class="deployment-state">
        {model}
        {slot.state.replaceAll('_', ' ')} {timeInWords(slot.since)}
      </p>
    );
  }
  return (
    <>
      <progress max={1} value={slot.progress} aria-label={slot.detail || slot.state} />
      <p class="deployment-state">
        {slot.detail || slot.state} · {percentInWords(slot.progress, 0)}
      </p>
    </>
  );
}
