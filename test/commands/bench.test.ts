import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { sha256Of } from '../../runtime/base/files.ts';
import { checkValue } from '../../runtime/base/json.ts';
import { benchReportSchema } from '../../runtime/measure/bench-report.ts';

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

  it('measures a model folder on real windows, and prints what its schema promises', () => {
    const data = join(model, 'recordings/p01-internal-rotation-left');
    const csv = join(folder, 'windows.csv');
    const words = ['bench', model, '--data', data, '--duration', '300ms', '--json', '--csv', csv];
    const { status, stdout, stderr } = octet(...words);
    assert.equal(status, 0, stderr);
    const report = checkValue(JSON.parse(stdout), benchReportSchema, {
      code: 'DATA_INVALID',
      what: 'octet bench --json',
    });
    const { p50, p90, p99, p999 } = report.latency;
    assert.ok(p50.valueUs <= p90.valueUs && p90.valueUs <= p99.valueUs && p99.valueUs <= p999.valueUs);
    assert.ok(p50.lowUs! <= p50.valueUs && p50.valueUs <= p50.highUs!);
    // One inference after another: the rate is about the inverse of the mean, within a factor for outliers and noise.
    const ratio = (report.throughputPerSecond * p50.valueUs) / 1e6;
    assert.ok(ratio < 1.5 && ratio > 0.1, `rate × p50 = ${ratio}`);
    assert.ok(report.load.ms > 0 && report.memory.incrementBytes < report.memory.peakBytes);
    assert.ok(report.memory.readings >= 1 && report.memory.steadyPssBytes! <= report.memory.peakPssBytes!);
    assert.match(report.inputs, /held-out windows/);
    assert.equal(report.model.sha256, sha256Of(readFileSync(join(model, 'model.onnx'))));
    assert.deepEqual(report.again.slice(0, 5), ['octet', 'bench', model, '--mode', 'single-stream']);
    const lines = readFileSync(csv, 'utf8').trimEnd().split('\n');
    assert.equal(lines.length, 1 + report.windows.length);
    assert.equal(lines[1]!.split(',').length, lines[0]!.split(',').length);
  });

  it('runs a bare ONNX file on synthetic input, several samples a query, and prints a table for people', () => {
    const page = join(folder, 'bench.html');
    const words = ['--mode', 'multi-stream', '--duration', '100ms', '--sustained', '100ms', '--report', page];
    const { status, stdout, stderr } = octet('bench', join(model, 'model.onnx'), ...words);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /mode +multi-stream, 8 samples a query/);
    assert.match(stdout, /inputs +synthetic/);
    assert.match(stdout, /latency +p50 .*p90 /);
    assert.match(stdout, /^cold .*, sustained .* times; /m);
    assert.match(readFileSync(page, 'utf8'), /<section id="sustained">/);
  });

  it('publishes the schema of its report without a model, and wants one otherwise', () => {
    const { status, stdout } = octet('bench', '--schema');
    assert.equal(status, 0);
    assert.ok(JSON.parse(stdout).properties.latency.properties.p999);
    assert.equal(octet('bench').status, 2);
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
