/** What a calibration cannot go below: the memory of its language, its libraries and one empty session, before any work. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeOptions } from '../../../runtime/base/children.ts';
import { encodeModel } from '../../../runtime/graph/save.ts';
import { kilobytesIn } from '../../../runtime/hardware/memory.ts';
import { runReference } from '../../peers/reference.ts';
import { conv, modelFrom, noise } from '../../runtime/quantize/small-models.ts';

export type Floors = {
  /** Node.js that does nothing. */
  readonly nodeBytes: number;
  /** Node.js with ONNX Runtime and a session of one node. */
  readonly engineBytes: number;
  /** Python with what the reference imports. */
  readonly pythonBytes: number;
};

export async function measureFloors(work: string): Promise<Floors> {
  const modelPath = join(work, 'one-node.onnx');
  const model = modelFrom([conv('x', 'y')], [1, 1, 8, 8], { w: noise([1, 1, 3, 3]) });
  await writeFile(modelPath, encodeModel(model));
  const session = `const { InferenceSession } = require('onnxruntime-node'); InferenceSession.create(${JSON.stringify(modelPath)}).then(() => {})`;
  const python = await runReference(['imports', modelPath, modelPath]);
  return {
    nodeBytes: await peakOf('0', work),
    engineBytes: await peakOf(session, work),
    pythonBytes: 'reason' in python ? Number.NaN : python.peakBytes,
  };
}

export function floorsText({ nodeBytes, engineBytes, pythonBytes }: Floors): string {
  const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(0);
  return `floors: bare Node.js ${mebibytes(nodeBytes)} MiB, with ONNX Runtime and an empty session ${mebibytes(engineBytes)}; Python's imports ${mebibytes(pythonBytes)}`;
}

/** VmHWM of Node.js that runs this script. */
async function peakOf(script: string, work: string): Promise<number> {
  const peakPath = join(work, 'floor.peak');
  const { execPath, execArgv, env } = nodeOptions();
  const onExit = `process.on('exit', () => require('node:fs').writeFileSync(${JSON.stringify(peakPath)}, require('node:fs').readFileSync('/proc/self/status')));`;
  const child = spawn(execPath, [...execArgv, '-e', `${onExit} ${script}`], {
    stdio: 'ignore',
    env: { ...env, ORT_DISABLE_TELEMETRY: '1' },
    cwd: import.meta.dirname,
  });
  await once(child, 'close');
  return kilobytesIn(await readFile(peakPath, 'utf8'), 'VmHWM') ?? Number.NaN;
}
