/** From a recording to a choice: runs a selection, or finds the one that was made before. */
import { join } from 'node:path';
import type { ModelFolder } from '../../models/manifest.ts';
import { errorRecordFrom } from '../../runtime/base/errors.ts';
import { sha256Of, sha256OfFile } from '../../runtime/base/files.ts';
import type { SelectionProgress, SelectionResult, VariantRow } from '../../runtime/select/selection.ts';
import type { SlotConfig } from '../config.ts';
import type { Ports } from '../ports.ts';
import type { Store } from '../store/open-store.ts';
import type { Choice, ModelRef, Runnable } from './state.ts';

/** float32 serves meanwhile, on a device that has other things to do. */
const measuringMs = 25_000;

/** Two settings with one fingerprint give one selection. */
export function settingsFingerprint({ calibration, objective, threads }: SlotConfig): string {
  return sha256Of(JSON.stringify({ calibration, objective, threads })).slice(0, 16);
}

/** The model itself, as something to run. */
export function float32Of(model: ModelRef, { modelPath, manifest }: ModelFolder): Runnable {
  const verdict = 'float32 runs until variants are measured';
  return { model, variant: 'float32', sha256: manifest.model.sha256, path: modelPath, verdict };
}

export type SelectingPorts = Pick<Ports, 'runSelection' | 'profileInputs' | 'clock' | 'log'>;

export async function select(
  ports: SelectingPorts,
  store: Store,
  request: {
    readonly model: ModelRef;
    readonly folder: ModelFolder;
    readonly slot: SlotConfig;
    readonly recording: string;
    readonly workFolder: string;
    readonly onProgress: (progress: SelectionProgress) => void;
    readonly signal: AbortSignal;
  },
): Promise<Choice> {
  const { model, folder, slot, recording, workFolder, onProgress, signal } = request;
  const { modelPath, featuresPath, pipeline, task, budget } = folder;
  const result = await ports.runSelection(
    {
      ...{ modelPath, pipeline, task, budget },
      ...(featuresPath === undefined ? {} : { featuresPath }),
      data: [recording],
      workFolder: join(workFolder, model.digest),
      threads: slot.threads,
      objective: slot.objective,
      timeMs: measuringMs,
    },
    { onProgress, signal },
  );
  const variantsFolder = join(workFolder, model.digest, 'variants');
  const unprofiled = choiceFrom(result, float32Of(model, folder), { budget: folder.budget, variantsFolder });
  const choice = await withProfile(ports, unprofiled, { folder, recording, signal });
  const settings = settingsFingerprint(slot);
  store.stateTransaction(() =>
    store.selections.put(model.digest, settings, JSON.stringify(choice), ports.clock.wallMs()),
  );
  return choice;
}

/** The choice made before for this model under these settings, if its file is still what it was. */
export async function knownChoice(store: Store, { digest }: ModelRef, slot: SlotConfig): Promise<Choice | null> {
  const text = store.selections.get(digest, settingsFingerprint(slot));
  if (text === undefined) return null;
  const choice = JSON.parse(text) as Choice;
  // A variant that is gone or damaged is built again.
  const sha256 = await sha256OfFile(choice.runnable.path).catch(() => undefined);
  return sha256 === choice.runnable.sha256 ? choice : null;
}

/** What only came closest to its constraints is not run: float32 is, and the trials say why. */
function choiceFrom(
  { outcome, chosen, chosenPath, rows, verdict }: SelectionResult,
  float32: Runnable,
  within: Pick<ModelFolder, 'budget'> & { readonly variantsFolder: string },
): Choice {
  const isFloat32 = outcome === 'closest' || chosen.sha256 === float32.sha256;
  const runnable = isFloat32
    ? { ...float32, verdict }
    : { model: float32.model, variant: chosen.variant, sha256: chosen.sha256, path: chosenPath, verdict };
  return { runnable, trials: rows, alternatives: alternativesFrom(rows, runnable, float32, within) };
}

/** Whatever is within the accuracy budget, by the processor time of a window: what takes less is cooler. */
function alternativesFrom(
  rows: readonly VariantRow[],
  chosen: Runnable,
  float32: Runnable,
  { budget, variantsFolder }: Pick<ModelFolder, 'budget'> & { readonly variantsFolder: string },
): Runnable[] {
  const baseline = rows.find(({ variant }) => variant === 'float32');
  return rows
    .filter((row) => row.p50Us > 0 && isWithin(row, baseline, budget))
    .sort((a, b) => a.p50Us - b.p50Us)
    .flatMap(({ variant, sha256 }) => {
      if (variant === 'float32') return [float32];
      if (sha256 === chosen.sha256) return [chosen];
      return [{ model: chosen.model, variant, sha256, path: join(variantsFolder, `${sha256}.onnx`), verdict: cooler }];
    });
}

const cooler = 'it takes less processor time than what was chosen, and runs while the board is strained';

function isWithin(
  row: VariantRow,
  baseline: VariantRow | undefined,
  { maxDrop, maxDisagreement }: ModelFolder['budget'],
) {
  if (row.variant === 'float32') return true;
  if (row.accuracy !== null && baseline?.accuracy != null) return baseline.accuracy - row.accuracy <= maxDrop;
  return row.agreement !== null && 1 - row.agreement <= maxDisagreement;
}

/** Without a profile drift is not seen; the variant runs all the same. */
async function withProfile(
  { profileInputs, log }: SelectingPorts,
  choice: Choice,
  { folder, recording, signal }: { folder: ModelFolder; recording: string; signal: AbortSignal },
): Promise<Choice> {
  const { runnable } = choice;
  if (runnable.variant === 'float32') return choice;
  const { pipeline, featuresPath } = folder;
  const request = {
    modelPath: runnable.path,
    pipeline,
    recording,
    ...(featuresPath === undefined ? {} : { featuresPath }),
  };
  try {
    return { ...choice, runnable: { ...runnable, profile: await profileInputs(request, { signal }) } };
  } catch (error) {
    signal.throwIfAborted();
    log.warn({ error: errorRecordFrom(error) }, 'no input profile: drift will not be noticed');
    return choice;
  }
}
