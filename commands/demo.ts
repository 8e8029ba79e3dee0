/** `octet demo`, which is also `npm start`: everything on this machine, from the float32 model to live decisions. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import pico from 'picocolors';
import { type DemoSurroundings, runDemo } from '../fleet/demo/demo.ts';
import { type BundledModel, bundledModels } from '../models/bundled.ts';
import { systemClock } from '../runtime/base/clock.ts';
import { renderTrialTable } from './trial-table.ts';

/** Reasons wrap; on fewer columns than this they would be torn to single words (some terminals say 0). */
const narrowest = 60;

type Options = {
  model: BundledModel;
  port: number;
  host: string;
  broker?: string;
  once?: true;
  json?: true;
  data: string;
  fresh?: true;
  speed: number;
};

export function define(command: Command): void {
  command
    .addOption(
      new Option('--model <name>', 'which of the bundled models').choices(bundledModels).default(bundledModels[0]),
    )
    .option('--port <port>', 'of the page and the repository; 0 for any free one', portFrom, 8080)
    .option('--host <address>', 'to listen on; anyone who reaches it can read along', '127.0.0.1')
    .option('--broker <url>', 'your own broker, mqtt:// or mqtts://, instead of the embedded one')
    .option('--once', 'end with exit code 0 once the chosen variant has decided for a while')
    .option('--json', 'print one JSON document at the end; everything else goes to stderr')
    .option('--data <folder>', 'what is kept between runs: repository, keys, recordings, variants', '.octet/demo')
    .option('--fresh', 'begin anew, without what earlier runs kept')
    .option('--speed <factor>', 'how many times faster than real time the sensor is replayed', speedFrom, 8)
    .action(run);
}

async function run(options: Options): Promise<void> {
  const { model, port, host, broker, once = false, json = false, data, fresh = false, speed } = options;
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort());
  const screen = json ? process.stderr : process.stdout;
  const renderTable: DemoSurroundings['renderTable'] = (rows, verdict) =>
    renderTrialTable(rows, verdict, { width: Math.max(screen.columns || 120, narrowest) });
  const report = await runDemo(
    { model, port, host, once, dataFolder: data, fresh, speed, ...(broker === undefined ? {} : { broker }) },
    { clock: systemClock, signal: stop.signal, screen, renderTable },
  );
  if (json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else screen.write(pico.dim('Everything has ended; nothing is left running.\n'));
}

function portFrom(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535 && text.trim() !== '') return port;
  throw new InvalidArgumentError('expected a port, 0 to 65535.');
}

function speedFrom(text: string): number {
  const speed = Number(text);
  if (speed > 0 && speed <= 1000) return speed;
  throw new InvalidArgumentError('expected a factor above 0 and at most 1000.');
}
