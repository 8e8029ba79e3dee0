/** What to race: candidates by rule, built; or the contenders of an earlier selection, built again. */
import type { Clock } from '../base/clock.ts';
import type { HardwareReport } from '../hardware/probe.ts';
import type { SessionSettings } from '../measure/session-settings.ts';
import { fastTypesOf } from '../quantize/fast-types.ts';
import { type Building, buildRecipes, searchForms, withoutTwins } from './build-variants.ts';
import { candidates, type Excluded } from './candidates.ts';
import { settingsHardware } from './device.ts';
import { entriesFrom, entryOf } from './entries.ts';
import type { Entry, VariantFile } from './measured.ts';
import { settingsCandidates } from './settings-candidates.ts';
import type { TrialEvidence } from './trial-evidence.ts';

export type Subject = Building & {
  readonly float32: VariantFile;
  readonly hardware: HardwareReport;
  readonly timeMs: number;
  readonly usual: SessionSettings;
};

export type Proposal = {
  /** float32 under the usual settings first. */
  readonly entries: readonly [Entry, ...Entry[]];
  readonly excluded: readonly Excluded[];
  readonly spentMs: { readonly building: number; readonly searching: number };
};

/** The search for the fastest form gets this share of the time, where that is enough to find something. */
const searchShare = 0.2;
const leastSearchMs = 6000;

/** Everything that the rules find worth a trial. */
export async function proposeAll(subject: Subject, clock: Clock): Promise<Proposal> {
  const { request, prepared, hardware, float32, usual } = subject;
  const { objective, searchSettings = false } = request;
  const proposed = candidates(hardware.int8, prepared.summary);
  const settings = settingsCandidates(settingsHardware(hardware), {
    ...request,
    usual,
    search: searchSettings,
    objective,
    canBatch: prepared.canBatch,
  });
  const fromMs = clock.monotonicMs();
  const built = await buildRecipes(
    subject,
    proposed.included.flatMap(({ recipe }) => recipe ?? []),
  );
  const builtMs = clock.monotonicMs();
  const searched = await search(subject);
  const distinct = withoutTwins([...built.files, ...searched.files]);
  return {
    entries: entriesFrom([float32, ...distinct.files], settings.included as [SessionSettings, ...SessionSettings[]]),
    excluded: [...proposed.excluded, ...settings.excluded, ...built.skipped, ...searched.skipped, ...distinct.skipped],
    spentMs: { building: builtMs - fromMs, searching: clock.monotonicMs() - builtMs },
  };
}

async function search(subject: Subject): ReturnType<typeof searchForms> {
  const searchMs = subject.timeMs * searchShare;
  if (searchMs < leastSearchMs) {
    const seconds = Math.ceil(leastSearchMs / searchShare / 1000);
    return {
      files: [],
      skipped: [{ name: 'auto', reason: `no time to search for it: takes --time ${seconds}s or more` }],
    };
  }
  return searchForms(subject, fastTypesOf(subject.hardware.int8.family), searchMs);
}

/** The contenders of an earlier selection, those that could not be built then aside. */
export async function proposeAgain(
  subject: Subject,
  trials: readonly TrialEvidence[],
  clock: Clock,
): Promise<Proposal> {
  const { float32, usual } = subject;
  const fromMs = clock.monotonicMs();
  // What was trained is built by training, not by the builder.
  const recipes = new Map(
    trials.flatMap(({ recipe, variant }) => (recipe && recipe.kind !== 'qat' ? [[variant, recipe] as const] : [])),
  );
  const built = await buildRecipes(subject, [...recipes.values()]);
  const files = new Map([float32, ...built.files].map((file) => [file.name, file]));
  const entries = trials.flatMap(({ variant, settings }) => {
    const file = files.get(variant);
    return file ? entryOf(file, settings, usual) : [];
  });
  const others = entries.filter(({ name }) => name !== float32.name);
  return {
    entries: [entryOf(float32, usual, usual), ...others],
    excluded: built.skipped,
    spentMs: { building: clock.monotonicMs() - fromMs, searching: 0 },
  };
}
