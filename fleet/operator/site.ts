/** Where the fleet is and as whom it is spoken to: a small file, so that no command has to say it again. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { readJson } from '../../runtime/base/json.ts';

export const siteSchema = z.strictObject({
  broker: z
    .strictObject({
      url: z.string().regex(/^(mqtts?|wss?):\/\/.+/, 'expected mqtt://, mqtts://, ws:// or wss://'),
      username: z.string(),
      passwordFile: z.string(),
      caFile: z.string(),
      certificateFile: z.string(),
      keyFile: z.string(),
    })
    .partial()
    .default({}),
  /** The operator's private key. */
  operatorKey: z.string().optional(),
  /** A published repository: its folder, or its address with the pinned root. */
  repository: z.strictObject({ url: z.string(), rootFile: z.string() }).optional(),
});
export type Site = z.output<typeof siteSchema>;

/** `~/.config/octet/fleet.json`, or where XDG_CONFIG_HOME says. */
export function defaultSiteFile(environment: NodeJS.ProcessEnv = process.env): string {
  return join(environment.XDG_CONFIG_HOME ?? join(homedir(), '.config'), 'octet', 'fleet.json');
}

/** The site file, or an empty site where there is none and none was named. @throws FILE_NOT_FOUND, CONFIG_INVALID. */
export async function readSite(path: string | undefined): Promise<Site> {
  const file = path ?? defaultSiteFile();
  if (path === undefined && !existsSync(file)) return siteSchema.parse({});
  const site = await readJson(file, siteSchema, { code: 'CONFIG_INVALID', what: `site ${file}`, hint: `Edit ${file}` });
  const at = (name: string) => resolve(dirname(resolve(file)), name);
  const { broker, operatorKey, repository } = site;
  const files = Object.entries(broker).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, name.endsWith('File') ? at(value) : value]],
  );
  return {
    broker: Object.fromEntries(files) as Site['broker'],
    ...(operatorKey === undefined ? {} : { operatorKey: at(operatorKey) }),
    ...(repository === undefined ? {} : { repository: { ...repository, rootFile: at(repository.rootFile) } }),
  };
}
