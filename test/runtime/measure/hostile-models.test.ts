/** Real models that crash, never return, eat all memory or change their shape: each costs its own trial, with its reason. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { saveModel } from '../../../runtime/graph/save.ts';
import { spareBytes } from '../../../runtime/hardware/memory.ts';
import { readingsUnder } from '../../../runtime/hardware/readings.ts';
import { readMemoryLimit } from '../../../runtime/measure/memory-limit.ts';
import type { AloneRequest } from '../../../runtime/measure/messages.ts';
import { plainSettings } from '../../../runtime/measure/session-settings.ts';
import { runTrial, type TrialOptions } from '../../../runtime/measure/trial.ts';
import { changingModel, crashingModel, endlessModel, greedyModel } from '../../support/hostile-models.ts';
import { float32Npy, zipBytes } from '../data/npz-writer.ts';

const mebibyte = 2 ** 20;

const models = {
  crashing: crashingModel(),
  endless: endlessModel(),
  greedy: greedyModel(2048 * mebibyte),
  changing: changingModel(),
} as const;

describe('a trial of a model that', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'octet-hostile-'));
    for (const [name, model] of Object.entries(models)) await saveModel(model, join(folder, `${name}.onnx`));
    const values = Float32Array.from({ length: 20 * 64 }, (_, at) => Math.sin(at));
    await writeFile(join(folder, 'changing.npz'), zipBytes({ 'x.npy': float32Npy([20, 4, 1, 16], values) }));
  });
  after(() => rm(folder, { recursive: true }));

  async function failureOf(name: keyof typeof models, options: TrialOptions = {}, more: Partial<AloneRequest> = {}) {
    const request = { kind: 'alone', modelPath: join(folder, `${name}.onnx`), throughputMs: 10 } as const;
    const outcome = await runTrial({ ...request, settings: plainSettings(1), ...more }, options);
    assert.ok(!outcome.ok);
    return outcome.error;
  }

  it('makes ONNX Runtime abort ends with the signal and what to do', async () => {
    const { code, message, hint } = await failureOf('crashing');
    assert.equal(code, 'CHILD_FAILED');
    assert.match(message, /a crash in native code \(SIGABRT\)/);
    assert.match(hint!, /export it again/);
  });

  it('never returns is ended after the silence that is allowed', async () => {
    const { code, message } = await failureOf('endless', { silenceMs: 3000 });
    assert.equal(code, 'CHILD_TIMEOUT');
    assert.match(message, /within 3 s/);
  });

  it('needs more memory than it may have says how much that is, and the machine keeps the rest', async () => {
    const memory = { spareBytes: 300 * mebibyte, dataBytes: 1024 * mebibyte };
    const { code, message } = await failureOf('greedy', { memory });
    assert.equal(code, 'OUT_OF_MEMORY');
    assert.match(message, /^needs more than 300 MiB .*; one buffer alone is 2,048 MiB$/);
  });

  it('changes the shape of its output cannot be compared', async () => {
    const decide = { data: { paths: [join(folder, 'changing.npz')] }, windows: 20 };
    const { code, message } = await failureOf('changing', {}, { decide });
    assert.equal(code, 'MODEL_UNSUPPORTED');
    assert.match(message, /output y: expected the same shape for every window, got \[\d+\] and then \[\d+\]/);
  });
});

describe('the memory of a trial', () => {
  const boards = join(import.meta.dirname, '../../boards');

  it('is nine tenths of what this machine has free, and what Node.js only reserves on top', () => {
    const { spareBytes: allowed, dataBytes } = readMemoryLimit()!;
    assert.ok(allowed > 100 * mebibyte);
    assert.ok(dataBytes - allowed > 100 * mebibyte, 'V8 reserves more than that');
  });

  it('is not limited where the kernel does not tell', () => {
    const silent = { text: () => undefined, number: () => undefined, names: () => [] };
    assert.equal(readMemoryLimit(silent), undefined);
  });

  it('keeps within what the control group has left, its file cache counted as free', () => {
    const zero = readingsUnder(join(boards, 'raspberry-pi-zero-2-w'));
    const files: Record<string, string> = {
      '/sys/fs/cgroup/system.slice/octet.service/memory.current': String(200 * mebibyte),
      '/sys/fs/cgroup/system.slice/octet.service/memory.stat': `anon 1\ninactive_file ${50 * mebibyte}\n`,
    };
    const text = (path: string) => files[path] ?? zero.text(path);
    const number = (path: string) => (path in files ? Number(files[path]) : zero.number(path));
    assert.equal(spareBytes({ ...zero, text, number }), (256 - 150) * mebibyte);
  });
});
