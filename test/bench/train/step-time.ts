/**
 * Processor time of one training step on one thread, and where a Python with PyTorch is installed (Debian: python3-torch), that of
 * the same network there: processes of both in turn, the fastest steps compared, because a shared machine only ever adds time.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { nodeOptions } from '../../../runtime/base/children.ts';
import { median } from '../../../runtime/measure/statistics.ts';
import type { BenchRow } from '../sections.ts';

const run = promisify(execFile);
const rounds = 3;
const [batch, steps] = [64, 12];

export async function benchStep(words: readonly string[]): Promise<readonly BenchRow[]> {
  const names = ['dscnn', 'resnet8'].filter((name) => words.length === 0 || words.includes(name));
  const python = await pythonWithTorch();
  const rows: BenchRow[] = [];
  for (const name of names) rows.push(...(await rowsOf(name, python)));
  return rows;
}

async function rowsOf(name: string, python: string | undefined): Promise<readonly BenchRow[]> {
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    ours.push(Math.min(...(await octetSteps(name))));
    if (python) theirs.push(Math.min(...(await torchSteps(python, name))));
  }
  const own = {
    name: `${name}: a step of ${batch} images`,
    value: median(ours),
    unit: 'ms',
    target: '(stated)',
    ok: true,
  };
  if (!python) return [own];
  const ratio = median(ours) / median(theirs);
  return [
    own,
    { name: `${name}: in PyTorch`, value: median(theirs), unit: 'ms', target: '(stated)', ok: true },
    { name: `${name}: ours over PyTorch's`, value: ratio, unit: '×', target: '≤ 3', ok: ratio <= 3 },
  ];
}

/** The system's Python has Debian's packages, whichever one comes first. */
async function pythonWithTorch(): Promise<string | undefined> {
  for (const python of ['python3', '/usr/bin/python3']) {
    const hasTorch = await run(python, ['-c', 'import torch']).then(
      () => true,
      () => false,
    );
    if (hasTorch) return python;
  }
  return undefined;
}

async function octetSteps(name: string): Promise<number[]> {
  const { execPath, execArgv, env } = nodeOptions();
  const child = join(import.meta.dirname, 'step-child.ts');
  const { stdout } = await run(execPath, [...execArgv, child, name, `${batch}`, `${steps}`], { env });
  return JSON.parse(stdout) as number[];
}

async function torchSteps(python: string, name: string): Promise<number[]> {
  const script = join(import.meta.dirname, '../../peers/train-step.py');
  const { stdout } = await run(python, [script, name, `${batch}`, `${steps}`]);
  return JSON.parse(stdout) as number[];
}
