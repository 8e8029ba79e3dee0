/** `octet select MODEL --data D`: build variants, race them, keep the one that the evidence supports; or do an earlier one again. */

import { type Command, Option } from 'commander';
import { systemClock } from '../runtime/base/clock.ts';
import { exitCodes, OctetError } from '../runtime/base/errors.ts';
import { budgetSchema } from '../runtime/data/pipeline.ts';
import { readEvidence } from '../runtime/select/evidence.ts';
import { compareRuns, repeatRequest } from '../runtime/select/repeat.ts';
import { runSelection, type SelectionOptions } from '../runtime/select/run-selection.ts';
import { type Objective, objectives, type SelectionRequest } from '../runtime/select/selection.ts';
import { watchInterrupt } from './interrupt.ts';
import { readModelArgument } from './model-argument.ts';
import { bytesFrom, durationMsFrom, latencyUsFrom, shareFrom, threadsFrom } from './options.ts';
import { progressLine } from './progress-line.ts';
import { renderComparison, renderSelection } from './select-lines.ts';
import { writeSelectionReport } from './select-report.ts';

type Options = {
  data?: string[];
  objective: Objective;
  maxDrop?: number;
  maxDisagreement?: number;
  latency?: number;
  memory?: number;
  memoryIncrement?: number;
  threads?: number;
  time: number;
  evidence?: string;
  repeat?: string;
  out: string;
  report?: string;
  json?: boolean;
};

export function define(command: Command): void {
  command
    .argument('[model]', 'an .onnx file, or a folder with manifest.json')
    .option('--data <path...>', '.npz, folder of .npy or recordings; 30 % of it judges')
    .addOption(new Option('--objective <what>', 'what to be best at').choices(objectives).default('latency'))
    .addOption(
      new Option('--time <duration>', 'for all of it, building included: 20s, 5min')
        .argParser(durationMsFrom)
        .default(60_000, '60s'),
    )
    .option('--latency <duration>', 'the most that 95 of 100 calls may take: 5ms, 800us', latencyUsFrom)
    .option('--memory <size>', "the most the variant's process may need: 256MiB", bytesFrom)
    .option('--memory-increment <size>', 'the most it may need above an empty process: 8MiB', bytesFrom)
    .option('--max-drop <share>', 'with labels: net loss of correct decisions allowed (default 0.01)', shareFrom)
    .option('--max-disagreement <share>', 'without: changed decisions allowed (default 0.02)', shareFrom)
    .option('--threads <n>', 'threads of one inference; without it, others than 1 are tried, too', threadsFrom)
    .option('--evidence <file>', 'of a device of the same kind: confirm its answer instead of searching')
    .addOption(
      new Option('--repeat <file>', 'run the selection of this evidence again and print both side by side').conflicts(
        'evidence',
      ),
    )
    .option('-o, --out <folder>', 'where variants/ and evidence/ go', 'octet-selection')
    .option('--report <file>', 'write a page: the trade-off, the times, the reasons, the conditions')
    .option('--json', 'print one JSON document')
    .addHelpText('after', examples)
    .action(run);
}

const examples = `
Exit codes: 0 chosen, 1 it failed, 2 the request was wrong, 3 nothing met the constraints (the closest is named).

  octet select model.onnx --data windows.npz --latency 5ms --memory 128MiB
  octet select model.onnx --data windows.npz --evidence other-board/evidence/1f….json
  octet select --repeat octet-selection/evidence/1f….json
  octet explain octet-selection`;

async function run(model: string | undefined, options: Options): Promise<void> {
  const again = options.repeat === undefined ? undefined : await readEvidence(options.repeat);
  const reference = options.evidence === undefined ? undefined : await readEvidence(options.evidence);
  const request = again ? await againRequest(again, model, options) : await requestFrom(model, options);
  const result = await selectWithProgress(request, {
    ...(reference ? { reference } : {}),
    ...(again ? { repeat: again } : {}),
  });
  if (again) {
    const comparison = compareRuns(again, await readEvidence(result.evidencePath));
    process.stdout.write(
      `${options.json ? JSON.stringify({ ...result, comparison }) : renderComparison(comparison, result.evidencePath)}\n`,
    );
  } else process.stdout.write(`${options.json ? JSON.stringify(result) : renderSelection(result, request)}\n`);
  if (options.report !== undefined) await writeSelectionReport(options.report, result.evidencePath);
  if (result.outcome === 'closest') process.exitCode = exitCodes.budgetNotMet;
}

async function selectWithProgress(request: SelectionRequest, options: SelectionOptions) {
  const progress = progressLine(process.stderr, systemClock);
  using interrupt = watchInterrupt('interrupted; nothing was chosen');
  try {
    return await runSelection(request, {
      ...options,
      onProgress: ({ phase, fraction, detail }) => progress.show(overall[phase](fraction), `${phase}: ${detail}`),
      signal: interrupt.signal,
      // Whoever asks is waiting, and no active model is to be spared.
      niceness: 0,
    });
  } finally {
    progress.end();
  }
}

/** Building and searching take about a third of the time. */
const overall = {
  calibrating: (fraction: number) => 0.3 * fraction,
  measuring: (fraction: number) => 0.3 + 0.7 * fraction,
} as const;

/** What the command line leaves open is the manifest's; what that leaves open, too, is the default. */
async function requestFrom(model: string | undefined, options: Options): Promise<SelectionRequest> {
  const { data, objective, maxDrop, maxDisagreement, latency, memory, memoryIncrement, threads, time, out } = options;
  if (model === undefined || data === undefined)
    throw new OctetError(
      'USAGE',
      `octet select: expected a model and --data, got ${model === undefined ? 'neither' : 'no --data'}`,
      {
        hint: 'octet select MODEL --data PATH; to do an earlier selection again: octet select --repeat EVIDENCE',
      },
    );
  const { modelPath, featuresPath, pipeline, task, budget } = await readModelArgument(model);
  const asked = {
    ...(maxDrop === undefined ? {} : { maxDrop }),
    ...(maxDisagreement === undefined ? {} : { maxDisagreement }),
  };
  return {
    modelPath,
    ...(featuresPath === undefined ? {} : { featuresPath }),
    ...(pipeline ? { pipeline } : {}),
    ...(task ? { task } : {}),
    budget: budgetSchema.parse({ ...budget, ...asked }),
    data,
    workFolder: out,
    threads: threads ?? 1,
    searchSettings: threads === undefined,
    objective,
    timeMs: time,
    ...(latency === undefined ? {} : { latencyP95Us: latency }),
    ...(memory === undefined ? {} : { memoryBytes: memory }),
    ...(memoryIncrement === undefined ? {} : { memoryIncrementBytes: memoryIncrement }),
  };
}

/** The record's own request; model and data may lie elsewhere on this device. */
async function againRequest(
  again: Awaited<ReturnType<typeof readEvidence>>,
  model: string | undefined,
  { data, out }: Options,
): Promise<SelectionRequest> {
  const given = model === undefined ? undefined : await readModelArgument(model);
  return repeatRequest(again, {
    workFolder: out,
    ...(given ? { modelPath: given.modelPath } : {}),
    ...(given?.featuresPath === undefined ? {} : { featuresPath: given.featuresPath }),
    ...(data ? { data } : {}),
  });
}
