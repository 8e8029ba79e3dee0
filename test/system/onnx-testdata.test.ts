/**
 * The graph and the engine on models that we did not write: ONNX's own conformance models, as Debian packages them.
 * Every one must be read and written without loss; every one that ONNX Runtime can run must compute the same afterwards.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, it, type TestContext } from 'node:test';
import { createRegistry, equals, fromBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { loadModel, parseModel } from '../../runtime/graph/load.ts';
import { encodeModel } from '../../runtime/graph/save.ts';
import { verifyGraph } from '../../runtime/graph/verify.ts';
import { missing } from '../support/requirements.ts';
import type { Outcome } from './onnx-testdata-child.ts';

/** Version 1.12.0-2 of the package has 1,072 models, of which ONNX Runtime 1.30 on x86-64 runs 971. */
const fewestModels = 1_000;
const fewestRun = 900;

/** A model that takes longer is stuck; the slowest takes well under a second. */
const modelTimeoutMs = 20_000;

describe("ONNX's conformance models", { skip: missing('libonnx-testdata') }, () => {
  let paths: readonly string[] = [];

  before(() => {
    paths = globSync('/usr/share/libonnx-testdata/data/**/*.onnx').toSorted();
    assert.ok(paths.length >= fewestModels, `expected at least ${fewestModels} models, got ${paths.length}`);
  });

  it('come out of load → save → load as they went in, unknown fields included', async (t) => {
    let identical = 0;
    for (const path of paths) {
      const original = await readFile(path);
      const saved = encodeModel(await loadModel(path), { external: 'keep' });
      const again = encodeModel(parseModel(saved), { external: 'keep' });
      assert.deepEqual(again, saved, `${path}: not the same bytes when saved again`);
      const [before, after] = [fromBinary(ModelProtoSchema, original), fromBinary(ModelProtoSchema, saved)];
      assert.ok(
        equals(ModelProtoSchema, before, after, { unknown: true, registry: createRegistry() }),
        `${path}: not the same messages`,
      );
      if (original.equals(saved)) identical++;
    }
    t.diagnostic(`${paths.length} models without loss, ${identical} of them byte for byte`);
  });

  it('are sound to the verifier', async () => {
    for (const path of paths) assert.deepEqual(verifyGraph(await loadModel(path)), [], path);
  });

  it('compute the same, bit for bit, saved, rebuilt and rewritten, wherever ONNX Runtime runs them', async (t) => {
    const outcomes = await judgeAll(paths);
    report(t, outcomes);
    const bad = outcomes.filter(({ kind }) => kind === 'different' || kind === 'died');
    assert.deepEqual(bad, []);
    const run = outcomes.filter(({ kind }) => kind === 'equal').length;
    assert.ok(run >= fewestRun, `expected at least ${fewestRun} models to run, got ${run}`);
  });
});

/** What came of one model, including the ways in which its process may end. */
type Judged = Outcome | { readonly path: string; readonly kind: 'died'; readonly detail: string };

/** One child judges model after model; when one brings it down, a new child goes on with the next. */
async function judgeAll(paths: readonly string[]): Promise<readonly Judged[]> {
  const outcomes: Judged[] = [];
  let child = startChild();
  for (const path of paths) {
    const outcome = await judge(child, path);
    outcomes.push(outcome);
    if (outcome.kind === 'died') child = startChild();
  }
  child.disconnect();
  await once(child, 'exit');
  return outcomes;
}

function startChild(): ChildProcess {
  // ONNX Runtime explains each refusal on stderr; the refusals themselves come as messages.
  return fork(join(import.meta.dirname, 'onnx-testdata-child.ts'), {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
}

async function judge(child: ChildProcess, path: string): Promise<Judged> {
  const settled = new AbortController();
  const stuck = setTimeout(() => child.kill('SIGKILL'), modelTimeoutMs);
  try {
    const answer = once(child, 'message', { signal: settled.signal });
    const end = once(child, 'exit', { signal: settled.signal });
    child.send(path);
    return await Promise.race([
      answer.then(([outcome]): Judged => outcome),
      end.then(([code, signal]): Judged => ({ path, kind: 'died', detail: `code ${code}, signal ${signal}` })),
    ]);
  } finally {
    clearTimeout(stuck);
    settled.abort();
  }
}

/** Why ONNX Runtime, or its binding for Node, does not run a model. */
const refusals: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/no dense tensor of a known type|Non tensor type/, 'an input or output is a text, a sequence or optional'],
  [/Unsupported data type|ONNX data type/, 'an element type that the binding does not pass on'],
  [/Could not find an implementation/, 'no CPU kernel for this version of the operator'],
  [/not a registered function/, 'a training operator'],
  [/Failed to construct locale/, 'a locale that is not installed'],
  [/Exception during initialization/, 'an option that the kernel does not have'],
];

function report(t: TestContext, outcomes: readonly Judged[]): void {
  const count = (kind: Judged['kind']) => outcomes.filter((outcome) => outcome.kind === kind).length;
  t.diagnostic(`${outcomes.length} models: ${count('equal')} compute the same, ${count('refused')} do not run`);
  t.diagnostic(`${count('random')} give other numbers on every run, ${count('died')} ended their process`);
  const reasons = outcomes
    .filter(({ kind }) => kind === 'refused')
    .map(({ detail }) => refusals.find(([pattern]) => pattern.test(detail))?.[1] ?? detail);
  for (const [reason, all] of Object.entries(Object.groupBy(reasons, (reason) => reason)))
    t.diagnostic(`not run: ${all?.length} × ${reason}`);
}
