/** A race among real models that crash, hang, want too much or cannot be compared: each fails alone, and there is an answer. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '../../../runtime/base/clock.ts';
import { budgetSchema } from '../../../runtime/data/pipeline.ts';
import type { Model } from '../../../runtime/graph/model.ts';
import { saveModel } from '../../../runtime/graph/save.ts';
import { plainSettings } from '../../../runtime/measure/session-settings.ts';
import { runTrial } from '../../../runtime/measure/trial.ts';
import { recipeSchema } from '../../../runtime/quantize/recipe.ts';
import { type Choice, choose } from '../../../runtime/select/choose.ts';
import { entriesFrom } from '../../../runtime/select/entries.ts';
import { contenderFrom, type Measured, type VariantFile } from '../../../runtime/select/measured.ts';
import { race } from '../../../runtime/select/race.ts';
import type { SelectionRequest } from '../../../runtime/select/selection.ts';
import { trialDataOf } from '../../../runtime/select/trials.ts';
import {
  changingModel,
  crashingModel,
  endlessModel,
  greedyModel,
  harmlessModel,
} from '../../support/hostile-models.ts';
import { float32Npy, zipBytes } from '../data/npz-writer.ts';

/** Nobody has 16 TiB. */
const models: Readonly<Record<string, Model>> = {
  float32: harmlessModel(),
  crashing: crashingModel(),
  endless: endlessModel(),
  greedy: greedyModel(2 ** 44),
  changing: changingModel(),
  harmless: harmlessModel(),
};

describe('a race with hostile variants', { timeout: 300_000 }, () => {
  let folder: string;
  let measured: readonly Measured[];
  let choice: Choice;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'octet-hostile-race-'));
    for (const [name, model] of Object.entries(models)) await saveModel(model, join(folder, `${name}.onnx`));
    const data = join(folder, 'data.npz');
    const values = Float32Array.from({ length: 1500 * 64 }, (_, at) => Math.sin(at * at));
    await writeFile(data, zipBytes({ 'x.npy': float32Npy([1500, 4, 1, 16], values) }));
    const request: SelectionRequest = {
      ...{ modelPath: join(folder, 'float32.onnx'), data: [data], workFolder: folder, objective: 'latency' },
      ...{ threads: 1, budget: budgetSchema.parse({}) },
    };
    const outcome = await runTrial({ kind: 'prepare', modelPath: request.modelPath, data: trialDataOf(request) });
    assert.ok(outcome.ok);
    const [first, ...others] = Object.keys(models).map(variantFrom);
    const fromMs = systemClock.monotonicMs();
    const result = await race(request, outcome.result, entriesFrom([first!, ...others], [plainSettings(1)]), {
      ...{
        clock: systemClock,
        fromMs,
        deadlineMs: fromMs + 80_000,
        strategy: 'exhaustive',
        niceness: 10,
        onProgress: () => {},
      },
    });
    measured = result.measured;
    choice = choose(
      measured.map((entry, at) => contenderFrom(entry, at === 0, result.floorBytes, 0)),
      request,
    );
  });
  after(() => rm(folder, { recursive: true }));

  function variantFrom(name: string): VariantFile {
    const recipe = name === 'float32' ? null : recipeSchema.parse({ kind: 'dynamic', name });
    return { name, path: join(folder, `${name}.onnx`), sha256: name, sizeBytes: 1000, recipe, outcomes: [] };
  }

  /** Variant → why it failed. */
  const failures = {
    crashing: /a crash in native code \(SIGABRT\)/,
    endless: /expected a sign of life within \d+ s, got none/,
    greedy: /^needs more than [\d,]+ MiB .*; one buffer alone is 16,777,216 MiB$/,
    changing: /expected the same shape for every window, got \[\d+\] and then \[\d+\]/,
  } as const;
  for (const [name, reason] of Object.entries(failures))
    it(`the ${name} one fails with its reason`, () => {
      const { failure } = measured.find((entry) => entry.name === name)!;
      assert.match(failure ?? 'did not fail', reason);
      assert.equal(choice.fates[name], 'failed');
    });

  it('the others are measured all the same', () => {
    const { failure, paired, accuracy } = measured.find(({ name }) => name === 'harmless')!;
    assert.equal(failure, null);
    assert.ok((paired?.result.rounds.length ?? 0) >= 8);
    assert.equal(accuracy?.agreement, 1);
  });

  it('and there is an answer', () => {
    assert.equal(choice.outcome, 'met');
    assert.ok(['float32', 'harmless'].includes(choice.chosen), choice.chosen);
  });
});
