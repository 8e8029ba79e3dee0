/** `octet select MODEL --data D`: build variants, measure each, keep the one that the evidence supports. */
import { type Command, Option } from 'commander';
import pico from 'picocolors';
import { systemClock } from '../runtime/base/clock.ts';
import { exitCodes } from '../runtime/base/errors.ts';
import { budgetSchema } from '../runtime/data/pipeline.ts';
import { runSelection } from '../runtime/select/run-selection.ts';
import {
  type Objective,
  objectives,
  type SelectionRequest,
  type SelectionResult,
} from '../runtime/select/selection.ts';
import { watchInterrupt } from './interrupt.ts';
import { readModelArgument } from './model-argument.ts';
import { bytesFrom, shareFrom, threadsFrom } from './options.ts';
import { progressLine } from './progress-line.ts';
import { renderTrialTable } from './trial-table.ts';

type Options = {
  data: string[];
  objective: Objective;
  maxDrop?: number;
  maxDisagreement?: number;
  memory?: number;
  threads: number;
  out: string;
  json?: boolean;
};

export function define(command: Command): void {
  command
    .argument('<model>', 'an .onnx file, or a folder with manifest.json')
    .requiredOption('--data <path...>', '.npz, folder of .npy or recordings; 30 % of it judges')
    .addOption(new Option('--objective <what>', 'what to be best at').choices(objectives).default('latency'))
    .option('--max-drop <share>', 'with labels: net loss of correct decisions allowed (default 0.01)', shareFrom)
    .option('--max-disagreement <share>', 'without: changed decisions allowed (default 0.02)', shareFrom)
    .option('--memory <size>', "the most the variant's process may need: 256MiB", bytesFrom)
    .option('--threads <n>', 'threads of one inference', threadsFrom, 1)
    .option('-o, --out <folder>', 'where variants/ and evidence/ go', 'octet-selection')
    .option('--json', 'print one JSON document')
    .action(run);
}

async function run(model: string, options: Options): Promise<void> {
  const progress = progressLine(process.stderr, systemClock);
  using interrupt = watchInterrupt('interrupted; nothing was chosen');
  try {
    const request = await requestFrom(model, options);
    const result = await runSelection(request, {
      onProgress: ({ phase, fraction, detail }) => progress.show(overall[phase](fraction), `${phase}: ${detail}`),
      signal: interrupt.signal,
    });
    progress.end();
    process.stdout.write(`${options.json ? JSON.stringify(result) : renderSelection(result)}\n`);
    if (result.outcome === 'closest') process.exitCode = exitCodes.budgetNotMet;
  } finally {
    progress.end();
  }
}

/** Calibrating takes about a fifth of the time. */
const overall = {
  calibrating: (fraction: number) => 0.2 * fraction,
  measuring: (fraction: number) => 0.2 + 0.8 * fraction,
} as const;

function renderSelection({
  rows,
  excluded = [],
  verdict,
  chosenPath,
  evidencePath,
  durationMs,
}: SelectionResult): string {
  const left = excluded.map(({ variant, reason }) => pico.dim(`  not tried: ${variant}: ${reason}`));
  const files = [
    `model     ${chosenPath}`,
    `evidence  ${evidencePath}`,
    `took      ${(durationMs / 1000).toFixed(1)} s`,
  ];
  return ['', renderTrialTable(rows, verdict), ...left, '', ...files.map((line) => pico.dim(line))].join('\n');
}

/** What the command line leaves open is the manifest's; what that leaves open, too, is the default. */
async function requestFrom(model: string, options: Options): Promise<SelectionRequest> {
  const { modelPath, featuresPath, pipeline, task, budget } = await readModelArgument(model);
  const { data, objective, maxDrop, maxDisagreement, memory, threads, out } = options;
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
    threads,
    objective,
    ...(memory === undefined ? {} : { memoryBytes: memory }),
  };
}
