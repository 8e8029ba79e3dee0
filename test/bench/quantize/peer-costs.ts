/** What the reference's calibrations cost on this machine, as `npm run peers` left it beside its models. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BenchCase, fileNameOf } from './cases.ts';
import { peersFolder, type ReferenceSetting } from './variants.ts';

export type PeerCost = { readonly wallS: number; readonly callS: number; readonly peakBytes: number };
export type PeerCosts = Partial<Record<ReferenceSetting, PeerCost>>;

/** The reference on a model of one node: what starting and importing takes. */
export const floorFile = 'floor.costs.json';

export function peerCostsFile(bench: BenchCase): string {
  return `${fileNameOf(bench)}.costs.json`;
}

/** Undefined where the peers were not run on it. */
export function readPeerCosts(bench: BenchCase): Promise<PeerCosts | undefined> {
  return readCosts<PeerCosts>(peerCostsFile(bench));
}

export function readFloorCost(): Promise<PeerCost | undefined> {
  return readCosts<PeerCost>(floorFile);
}

/** Our own file; a run that wrote another form of it is repeated, not repaired. */
async function readCosts<T>(name: string): Promise<T | undefined> {
  const path = join(peersFolder, 'models', name);
  return existsSync(path) ? (JSON.parse(await readFile(path, 'utf8')) as T) : undefined;
}
