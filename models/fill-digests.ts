/** `octet models manifest`: writes sizes and digests of the files as they are into a manifest, so that nobody types them. */
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../runtime/base/files.ts';
import { checkValue, readJson } from '../runtime/base/json.ts';
import { type Manifest, manifestFile, manifestSchema, measureFile } from './manifest.ts';

/** A manifest still being written: only the files' names must be there. */
const draftSchema = z.looseObject({
  model: z.looseObject({ file: z.string() }).prefault({ file: 'model.onnx' }),
  features: z.looseObject({ file: z.string() }).optional(),
});

/**
 * Completes `<folder>/manifest.json` in place, defaults and all, in the schema's order.
 * @throws FILE_NOT_FOUND, MANIFEST_INVALID when anything but sizes and digests is wrong; the file is then unchanged.
 */
export async function fillDigests(folder: string): Promise<Manifest> {
  const path = join(folder, manifestFile);
  const expectation = {
    code: 'MANIFEST_INVALID',
    what: `manifest ${path}`,
    hint: 'See: octet models manifest --schema',
  } as const;
  const draft = await readJson(path, draftSchema, expectation);
  const measured = async ({ file }: { file: string }) => ({ file, ...(await measureFile(join(folder, file))) });
  const model = await measured(draft.model);
  const filled = { ...draft, model, ...(draft.features && { features: await measured(draft.features) }) };
  const manifest = checkValue(filled, manifestSchema, expectation);
  await writeFileAtomic(path, `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}
