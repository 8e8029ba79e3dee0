/**
 * The demo's operator: a key of its own, made at the first start, which the demo's device pins. The model comes onto the device
 * by a signed order, as on any device: the demo has no way that others have not.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { topics } from '../../agent/protocol/topics.ts';
import { type BundledModel, bundledFolder } from '../../models/bundled.ts';
import { manifestFile, readManifest } from '../../models/manifest.ts';
import type { Clock } from '../../runtime/base/clock.ts';
import { sha256OfFile } from '../../runtime/base/files.ts';
import { FleetView } from '../operator/fleet-view.ts';
import { Operator } from '../operator/operator.ts';
import { keyFilesOf, makeOperatorKey, type OperatorPrivateKey, readOperatorKey } from '../operator/operator-keys.ts';
import { OperatorLink } from '../operator/operator-link.ts';
import { demoDeviceId } from './agent-config.ts';
import type { DeviceWatch, View } from './watch.ts';

const operatorName = 'demo';

export type DemoOperator = { readonly key: OperatorPrivateKey; readonly publicFile: string };

/** @throws WRITE_FAILED, CONFIG_INVALID when the key that is there is damaged. */
export async function demoOperator(folder: string): Promise<DemoOperator> {
  const { privateFile, publicFile } = keyFilesOf(operatorName, folder);
  if (!existsSync(privateFile)) await makeOperatorKey(operatorName, folder);
  return { key: await readOperatorKey(privateFile), publicFile };
}

export type DemoOrder = {
  readonly brokerUrl: string;
  readonly key: OperatorPrivateKey;
  readonly model: BundledModel;
  readonly watch: DeviceWatch;
  readonly clock: Clock;
};

/** Waits until the device speaks, and orders the model unless it was ordered in an earlier run. */
export async function orderModel({ brokerUrl, key, model, watch, clock }: DemoOrder): Promise<void> {
  const folder = bundledFolder(model);
  const { version } = await readManifest(folder);
  const device = demoDeviceId();
  const reported = await watch.when(spokenSinceStart);
  const isOrdered = reported.desiredVersion > 0 && (reported.slots[0]?.active?.version ?? version) === version;
  if (isOrdered) return;
  const stop = new AbortController();
  const view = new FleetView(key.operator, clock);
  await using link = await OperatorLink.open({
    target: { url: brokerUrl, clientId: `${device}-operator-${process.pid}` },
    filters: [topics.everythingFrom(device), topics.desired(device)],
    ...{ clock, signal: stop.signal, onMessage: view.take },
  });
  await view.settled(stop.signal);
  const operator = new Operator({ ...{ key, link, view, clock, signal: stop.signal }, known: [key] });
  const digest = await sha256OfFile(join(folder, manifestFile));
  // On a broker of the user's own there may be what an earlier demo, with other keys, has left.
  await operator.desire(device, { slot: 'main', target: `${model}@${version}`, digest }, true);
}

function spokenSinceStart({ device, progress }: View) {
  // What an earlier device of this name left on the broker does not count.
  return progress.slot && device.reported;
}
