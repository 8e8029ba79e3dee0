/** Which of the bundled recordings the demo plays: only people whom the model was never trained on. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type BundledModel, bundledFolder, bundledRecordings } from '../../models/bundled.ts';
import { readJson } from '../../runtime/base/json.ts';
import { pipelineSchema } from '../../runtime/data/pipeline.ts';

export type DemoRecordings = {
  /** Recording folders of the validation and the test people: what the sensor replays, and what the device calibrates with. */
  readonly paths: readonly string[];
  /** Windows that one pass over them gives. */
  readonly windows: number;
};

const people = z.array(z.string());
const splitSchema = z.object({ validation: people, test: people });
const lengthSchema = z.object({ samples: z.int().nonnegative() });
const manifestSchema = z.object({ pipeline: pipelineSchema });

/** @throws DATA_INVALID, FILE_NOT_FOUND when the bundled model is damaged. */
export async function chooseRecordings(model: BundledModel): Promise<DemoRecordings> {
  const root = bundledRecordings(model);
  const read = <S extends z.ZodType>(path: string, schema: S) =>
    readJson(path, schema, { code: 'DATA_INVALID', what: path });
  const { validation, test } = await read(join(root, 'split.json'), splitSchema);
  const { pipeline } = await read(join(bundledFolder(model), 'manifest.json'), manifestSchema);
  const names = (await readdir(root)).filter((name) => /^p\d+-/.test(name));
  const unseen = names.filter((name) => [...validation, ...test].includes(personOf(name)));
  const paths = takeTurns(unseen).map((name) => join(root, name));
  const lengths = await Promise.all(paths.map((path) => read(join(path, 'recording.json'), lengthSchema)));
  const windowsOf = ({ samples }: { samples: number }) =>
    Math.max(0, Math.floor((samples - pipeline.window.samples) / pipeline.window.stride) + 1);
  return { paths, windows: lengths.reduce((sum, length) => sum + windowsOf(length), 0) };
}

/**
 * Takes turns between people, each beginning at another of their recordings: whatever part is played, no person and no
 * exercise prevails in it.
 */
export function takeTurns(names: readonly string[]): string[] {
  const byPerson = Object.values(Object.groupBy(names.toSorted(), personOf)).map((own = []) => own);
  const longest = Math.max(0, ...byPerson.map(({ length }) => length));
  const turn = (own: readonly string[], person: number, round: number) => {
    const start = Math.floor((person * own.length) / byPerson.length);
    return round < own.length ? [own[(start + round) % own.length]!] : [];
  };
  return Array.from({ length: longest }, (_, round) =>
    byPerson.flatMap((own, person) => turn(own, person, round)),
  ).flat();
}

const personOf = (name: string) => name.split('-', 1)[0]!;
