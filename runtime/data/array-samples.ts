/** Samples from named arrays (.npz, folder of .npy): one array per model input, first axis samples, `y` the labels. */
import { basename } from 'node:path';
import { OctetError } from '../base/errors.ts';
import type { SessionValue } from '../engine/session.ts';
import { elementCount, type Feeds, type Tensor } from '../graph/tensor.ts';
import { describeInput, sampleDims } from './model-input.ts';
import type { LazyArray } from './npy.ts';
import type { NamedArrays } from './npz.ts';
import type { Task } from './pipeline.ts';
import type { Samples, SamplesOptions } from './samples.ts';

const labelsName = 'y';
const labelsHint =
  'y holds one integer class index per sample, -1 where it is not known; leave it out to go without labels.';
const integerTypes: ReadonlySet<string> = new Set([
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
]);

type Column = { readonly name: string; readonly array: LazyArray; readonly dims: readonly number[] };

/** @throws DATA_MISMATCH listing, for every input that does not fit, what was expected and what was there. */
export async function arraySamples(
  path: string,
  arrays: NamedArrays,
  { inputs, task }: SamplesOptions,
): Promise<Samples> {
  const columns = matchColumns(path, arrays, inputs);
  const count = columns[0]?.array.dims[0] ?? 0;
  const hasLabels = !inputs.some(({ name }) => name === labelsName);
  const y = hasLabels ? arrays.get(labelsName) : undefined;
  const labels = y === undefined ? undefined : await readLabels(`${path}: ${labelsName}`, y, count, task);
  const feeds = async (index: number): Promise<Feeds> => {
    const entries = columns.map(
      async ({ name, array, dims }) => [name, { ...(await array.row(index)), dims }] as const,
    );
    return Object.fromEntries(await Promise.all(entries));
  };
  return { count, labels, feeds, description: `${count.toLocaleString('en-US')} samples of ${basename(path)}` };
}

/** By name first; a model with one input takes the only array there is, whatever its name. */
function matchColumns(path: string, arrays: NamedArrays, inputs: readonly SessionValue[]): readonly Column[] {
  const unlabelled = [...arrays].filter(([name]) => name !== labelsName);
  const only = inputs.length === 1 && unlabelled.length === 1 ? unlabelled[0]?.[1] : undefined;
  const columns: Column[] = [];
  const problems: string[] = [];
  for (const input of inputs) {
    const array = arrays.get(input.name) ?? only;
    const dims = array && sampleDims(input, array.type, array.dims.slice(1));
    if (array && dims && array.dims.length > 0) columns.push({ name: input.name, array, dims });
    else
      problems.push(
        `expected ${describeInput(input)} per sample, got ${array ? describeArray(array) : describeNames(arrays)}`,
      );
  }
  const counts = new Set(columns.map(({ array }) => array.dims[0]));
  if (counts.size > 1) problems.push(`expected as many samples in every array, got ${[...counts].join(' and ')}`);
  if (counts.has(0)) problems.push('expected at least one sample, got none');
  if (problems.length === 0) return columns;
  throw new OctetError('DATA_MISMATCH', `${path}: ${problems.join('; ')}`, {
    hint: "Name each array after a model input (octet inspect MODEL lists them) and give it the input's type and shape, one sample per row.",
  });
}

async function readLabels(
  where: string,
  y: LazyArray,
  count: number,
  task: Task | undefined,
): Promise<number[] | undefined> {
  if (task !== undefined && task.kind !== 'classify') return undefined;
  if (!integerTypes.has(y.type) || elementCount(y.dims) !== count)
    throw new OctetError(
      'DATA_MISMATCH',
      `${where}: expected ${count} integer class indices, got ${describeArray(y)}`,
      {
        hint: labelsHint,
      },
    );
  const labels = Array.from((await y.all()).data, Number);
  const classes = task?.labels.length ?? Number.POSITIVE_INFINITY;
  const wrong = labels.findIndex((label) => label < -1 || label >= classes);
  if (wrong < 0) return labels;
  throw new OctetError(
    'DATA_MISMATCH',
    `${where}[${wrong}]: expected a class index from 0 to ${classes - 1} (or -1 for none), got ${labels[wrong]}`,
    { hint: labelsHint },
  );
}

function describeArray({ type, dims }: Pick<Tensor, 'type' | 'dims'>): string {
  return `${type} [${dims.join(', ')}]`;
}

function describeNames(arrays: NamedArrays): string {
  return arrays.size === 0 ? 'no arrays' : `no such array (there are: ${[...arrays.keys()].join(', ')})`;
}
