/** Starts the parts of the demo in the order in which they need each other; the stack takes them away in reverse. */
import { join } from 'node:path';
import type { BundledModel } from '../../models/bundled.ts';
import type { Clock } from '../../runtime/base/clock.ts';
import { writeFileAtomic } from '../../runtime/base/files.ts';
import { agentConfigFor, demoDeviceId } from './agent-config.ts';
import { type AgentProcess, startAgent } from './agent-process.ts';
import { type DemoBroker, startEmbeddedBroker, useBroker } from './brokers.ts';
import { prepareConsole } from './console-files.ts';
import { openDataFolder } from './data-folder.ts';
import { demoOperator, orderModel } from './order.ts';
import { chooseRecordings } from './recordings.ts';
import { prepareRepository } from './repository.ts';
import { DeviceWatch } from './watch.ts';
import { startWebServer, type WebServer } from './web-server.ts';

export type DemoOptions = {
  readonly model: BundledModel;
  /** Of the web server; 0 takes any free port. */
  readonly port: number;
  readonly host: string;
  /** `mqtt://…` of the user's own broker; the embedded one when absent. */
  readonly broker?: string;
  /** Ends after the first decisions instead of going on until it is stopped. */
  readonly once: boolean;
  /** Where repository, keys and the agent's data are kept between runs. */
  readonly dataFolder: string;
  /** Begins anew: removes what earlier runs kept there. */
  readonly fresh: boolean;
  /** How many times faster than real time the sensor is replayed. */
  readonly speed: number;
};

export type RunningDemo = {
  readonly broker: DemoBroker;
  /** The page, set to this demo's device. */
  readonly pageUrl: string;
  readonly watch: DeviceWatch;
  readonly agent: AgentProcess;
};

/** @throws PORT_IN_USE, BROKER_UNREACHABLE, STORE_FAILED (another demo uses the folder), WRITE_FAILED, DISK_FULL, and what a damaged installation throws. */
export async function startDemo(options: DemoOptions, clock: Clock, parts: AsyncDisposableStack): Promise<RunningDemo> {
  const broker = parts.use(await (options.broker === undefined ? startEmbeddedBroker() : useBroker(options.broker)));
  const { path: folder } = parts.use(await openDataFolder(options.dataFolder, options.fresh));
  const repository = await prepareRepository(join(folder, 'repository'), options.model, clock);
  const { host, port } = options;
  const consoleFolder = await prepareConsole();
  const web = parts.use(
    await startWebServer({ host, port, consoleFolder, repositoryFolder: repository.folder, broker }),
  );
  const operator = await demoOperator(join(folder, 'operator'));
  const { rootFile } = repository;
  const configPath = await writeConfig(options, folder, { broker, web, rootFile, operatorKeys: operator.publicFile });
  const watch = parts.use(new DeviceWatch(broker.url, demoDeviceId(), clock));
  // Listening before the agent speaks: nothing that it says is missed.
  await watch.when(({ isConnected }) => isConnected || undefined);
  const agent = parts.use(startAgent(configPath));
  await Promise.race([
    orderModel({ brokerUrl: broker.url, key: operator.key, model: options.model, watch, clock }),
    agent.died,
  ]);
  return { broker, pageUrl: pageUrlOf(web.url, options.broker), watch, agent };
}

type Surroundings = {
  readonly broker: DemoBroker;
  readonly web: WebServer;
  readonly rootFile: string;
  readonly operatorKeys: string;
};

async function writeConfig({ model, speed }: DemoOptions, folder: string, surroundings: Surroundings) {
  const { broker, web, rootFile, operatorKeys } = surroundings;
  const config = agentConfigFor({
    ...{ speed, rootFile, operatorKeys },
    // Each model is deployed once and then remembered.
    dataFolder: join(folder, 'agent', model),
    brokerUrl: broker.url,
    webUrl: web.url,
    recordings: await chooseRecordings(model),
  });
  const path = join(folder, 'agent.json');
  // The user's own broker may want a password, which is then part of its URL.
  await writeFileAtomic(path, `${JSON.stringify(config, null, 2)}\n`, 0o600);
  return path;
}

/** On a broker of the user's own there may be other devices, and it may want a name and a password. */
function pageUrlOf(webUrl: string, broker: string | undefined): string {
  if (broker === undefined) return webUrl;
  const { username, password } = new URL(broker);
  const secrets = username === '' ? '' : `#username=${username}&password=${password}`;
  return `${webUrl}?device=${demoDeviceId()}${secrets}`;
}
