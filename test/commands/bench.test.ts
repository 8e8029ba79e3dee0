import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

const root = join(import.meta.dirname, '../..');
const model = join(root, 'models/bundled/watch-exercise');
const octet = (...words: string[]) =>
  spawnSync(process.execPath, [join(root, 'cli.ts'), ...words], {
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  });

describe('octet bench', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'octet-bench-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('measures latency, throughput, load time and memory of a model folder on real windows', () => {
    const data = join(model, 'recordings/p01-internal-rotation-left');
    const { status, stdout, stderr } = octet('bench', model, '--data', data, '--duration', '200ms', '--json');
    assert.equal(status, 0, stderr);
    const report = JSON.parse(stdout);
    assert.ok(report.p50Us > 0 && report.p50Us <= report.p90Us && report.p90Us <= report.p99Us);
    // One inference after another: the rate is about the inverse of the mean, within a factor for outliers and noise.
    assert.ok(report.throughputPerSecond * report.p50Us < 1.5e6 && report.throughputPerSecond * report.p50Us > 1e5);
    assert.ok(report.loadMs > 0 && report.memoryIncrementBytes < report.peakMemoryBytes);
    assert.match(report.inputs, /held-out windows/);
  });

  it('runs a bare ONNX file on synthetic input, and prints a table for people', () => {
    const { status, stdout } = octet('bench', join(model, 'model.onnx'), '--duration', '100ms');
    assert.equal(status, 0);
    assert.match(stdout, /inputs +synthetic/);
    assert.match(stdout, /latency +p50 .*p90 .*p99/);
  });

  it('tells what is wrong with a model, with the exit code of a wrong request', () => {
    const truncated = join(folder, 'not-a-model.onnx');
    writeFileSync(truncated, 'this is no model');
    const invalid = octet('bench', truncated);
    assert.equal(invalid.status, 2);
    assert.match(invalid.stderr, /MODEL_INVALID/);
    const missing = octet('bench', join(folder, 'missing.onnx'));
    assert.equal(missing.status, 2);
    assert.match(missing.stderr, /FILE_NOT_FOUND/);
    assert.equal(octet('bench', truncated, '--threads', '0').status, 2);
  });
});
