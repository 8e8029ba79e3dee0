/**
 * Windows from the sensor's whole life, kept per slot and kind of window: a new model that takes the same windows is calibrated with them at
 * once, instead of with what happens to come now.
 */
import { join } from 'node:path';
import { sha256Of } from '../../runtime/base/files.ts';
import type { Pipeline } from '../../runtime/data/pipeline.ts';
import type { ReserveSpec } from '../../runtime/infer/messages.ts';
import { exportReservoir } from '../../runtime/infer/recording/export-reservoir.ts';
import type { AgentConfig, SlotConfig } from '../config.ts';

/** @returns undefined where none is kept: the configuration says so, or calibration has a source of its own. */
export function reserveSpec(
  { dataFolder }: Pick<AgentConfig, 'dataFolder'>,
  { slot, calibration }: SlotConfig,
  pipeline: Pipeline,
): ReserveSpec | undefined {
  if (calibration.reserveBytes === 0 || calibration.source !== undefined) return undefined;
  const folder = join(dataFolder, 'reservoirs', slot, sha256Of(JSON.stringify(pipeline)).slice(0, 16));
  return { folder, maxBytes: calibration.reserveBytes };
}

/** @returns the reservoir as a recording, if it has as many windows as a calibration wants. @throws DISK_FULL, WRITE_FAILED */
export async function reservoirRecording(
  config: Pick<AgentConfig, 'dataFolder'>,
  slot: SlotConfig,
  pipeline: Pipeline,
): Promise<string | undefined> {
  const reserve = reserveSpec(config, slot, pipeline);
  if (reserve === undefined) return undefined;
  const out = `${reserve.folder}.recording`;
  return (await exportReservoir(reserve.folder, out, pipeline)) >= slot.calibration.windows ? out : undefined;
}
