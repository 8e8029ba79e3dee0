import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { pino } from 'pino';
import { configSchema } from '../../../agent/config.ts';
import { Deployment } from '../../../agent/deployment/deployment.ts';
import { confirmation } from '../../../agent/deployment/health.ts';
import { LogTail } from '../../../agent/jobs/log-tail.ts';
import type { OrderProgress } from '../../../agent/orders/order.ts';
import type { Ports } from '../../../agent/ports.ts';
import { openStore } from '../../../agent/store/open-store.ts';
import { type ModelFolder, parseManifest } from '../../../models/manifest.ts';
import type { PulledModel } from '../../../models/pull.ts';
import { OctetError } from '../../../runtime/base/errors.ts';
import { sha256Of } from '../../../runtime/base/files.ts';
import type { InputProfile } from '../../../runtime/infer/input-profile.ts';
import { noCounts } from '../../../runtime/infer/input-profile.ts';
import { plainSettings } from '../../../runtime/measure/session-settings.ts';
import type { SelectionRequest, SelectionResult, VariantRow } from '../../../runtime/select/selection.ts';
import { FakeClock, settleUntil } from '../../support/fake-clock.ts';
import { type FakeRunner, FakeRunners } from '../../support/fake-runner.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const confirmMs = 5000;
const float32Bytes = 'float32 model';
const int8Bytes = 'int8 model';

const row = (variant: string, bytes: string, chosen: boolean): VariantRow => ({
  ...{ variant, sha256: sha256Of(bytes), sizeBytes: bytes.length, p50Us: 1, p90Us: 2, p99Us: 3, speedup: 1 },
  ...{ throughputPerSecond: 1, loadMs: 1, peakMemoryBytes: 1, memoryIncrementBytes: 1, accuracy: null, agreement: 1 },
  ...{ heldOutWindows: 10, chosen, reason: 'measured', p95Us: 2, fate: chosen ? 'chosen' : 'beaten' },
  settings: plainSettings(1),
});

const profile: InputProfile = {
  ...{ windows: 16, input: { min: -1, max: 1 }, inputSaturation: 0, outputSaturation: 0, naturalShift: 0.05 },
  channels: [{ name: 'x', count: 1, edges: [1, 2, 3, 4, 5, 6, 7, 8, 9], shares: new Array(10).fill(0.1) }],
};

/** A slot on fakes: one published model, runners and selections that do what the test says. */
async function setUp(t: TestContext, { liveCalibration = false, shadowWindows = 0 } = {}) {
  const folder = await temporaryFolder(t);
  const modelFolder = join(folder, 'models', 'd1');
  await mkdir(modelFolder, { recursive: true });
  await writeFile(join(modelFolder, 'model.onnx'), float32Bytes);
  const int8Path = join(folder, 'int8.onnx');
  await writeFile(int8Path, int8Bytes);
  const model = describeModel(modelFolder);
  const replay = { kind: 'replay', recordings: ['r'], speed: 1 };
  const config = configSchema.parse({
    ...{ device: 'dev', dataFolder: folder, broker: { url: 'mqtt://localhost' } },
    repository: { url: 'http://localhost/', rootFile: 'root.json' },
    slots: [
      {
        ...{ slot: 'main', target: 'm', source: replay, confirmMs: 5000, shadow: { windows: shadowWindows } },
        calibration: { windows: 16, ...(liveCalibration ? {} : { source: { ...replay, speed: 0, loop: false } }) },
      },
    ],
  });
  const clock = new FakeClock();
  const runners = new FakeRunners();
  const store = openStore(folder);
  t.after(() => store[Symbol.dispose]());
  const selections: SelectionRequest[] = [];
  const selection = { gate: Promise.resolve() };
  const announced: string[] = [];
  const orders: OrderProgress[] = [];
  const epochs: number[][] = [];
  const pulled: PulledModel = {
    folder: modelFolder,
    digest: 'd1',
    name: 'm',
    version: '1.0.0',
    origin: 'present',
    validUntil: null,
  };
  const ports: Ports = {
    ...{ clock, random: () => 0, log: pino({ level: 'silent' }), version: '0', bootId: () => 'b' },
    ...{ logTail: new LogTail(), isSupervised: false, runBench: () => Promise.reject(new Error('not asked')) },
    startRunner: runners.startRunner,
    runSelection: async (request, { onProgress, signal }) => {
      selections.push(request);
      onProgress({ phase: 'measuring', fraction: 0.5, detail: 'trial' });
      await Promise.race([selection.gate, once(signal, 'abort')]);
      const rows = [row('float32', float32Bytes, false), row('int8', int8Bytes, true)];
      const chosen = rows[1]!;
      return { outcome: 'met', rows, chosen, chosenPath: int8Path, verdict: 'fast', evidencePath: '', durationMs: 1 };
    },
    pullModel: async () => pulled,
    verifyModel: async () => model,
    readModel: async () => model,
    probe: () => Promise.reject(new Error('not asked')),
    readSystem: () => ({
      temperatureC: null,
      cpuLoad: null,
      memoryAvailableBytes: null,
      throttled: null,
      pssBytes: () => null,
    }),
    systemd: { watchdogMs: undefined, notify: async () => undefined },
    clockTrust: () => ({ isTrusted: true, reason: 'it is a fake' }),
    profileInputs: async () => profile,
  };
  const create = (changed: Partial<Ports> = {}) => {
    const deployment = new Deployment({
      ...{ config, slot: config.slots[0]!, ports: { ...ports, ...changed }, store },
      announce: ({ type }) => announced.push(type),
      publishTrials: ({ trials }) => announced.push(`trials ${trials.length}`),
      openDecisions: () => {
        const epoch: number[] = [];
        epochs.push(epoch);
        return { write: (decisions) => epoch.push(...decisions.map(({ seq }) => seq)), end: () => undefined };
      },
      onChange: () => undefined,
      onOrder: (progress) => orders.push(progress),
      onDecisions: () => undefined,
      onCrash: () => undefined,
      onBroken: (error) => assert.fail(error),
    });
    t.after(() => deployment[Symbol.asyncDispose]());
    return deployment;
  };
  return { clock, runners, store, create, announced, orders, epochs, selections, selection, model, pulled, int8Path };
}

function describeModel(folder: string): ModelFolder {
  const file = { file: 'model.onnx', sha256: sha256Of(float32Bytes), sizeBytes: float32Bytes.length };
  const manifest = parseManifest(
    JSON.stringify({
      ...{ format: 1, name: 'm', version: '1.0.0', description: 'd', license: 'MIT', model: file },
      ...{ input: { name: 'x', dims: [1, 1] }, task: { kind: 'regress' }, provenance: { data: 'none' } },
      pipeline: { channels: [{ name: 'x', unit: '' }], rateHz: 50, window: { samples: 50, stride: 25 } },
    }),
    'test',
  );
  const { pipeline, task, budget, name, version } = manifest;
  return { manifest, modelPath: join(folder, 'model.onnx'), pipeline, task, budget, name, version };
}

type SetUp = Awaited<ReturnType<typeof setUp>>;

async function reach(deployment: Deployment, phase: string): Promise<void> {
  await settleUntil(`phase ${phase}`, () => deployment.state.phase === phase);
}

async function untilRunners({ runners }: SetUp, count: number): Promise<void> {
  await settleUntil(`${count} runners`, () => runners.all.length >= count);
  assert.equal(runners.all.length, count);
}

/** From nothing to a new variant that has taken over and is watched. */
async function toConfirming(given: SetUp, deployment: Deployment): Promise<void> {
  const { runners } = given;
  deployment.start();
  await untilRunners(given, 2);
  const [active, recording] = runners.all;
  await active!.ready();
  await recording!.ready();
  await recording!.emit({ kind: 'recorded', windows: 16, bytes: 1, full: false });
  await untilRunners(given, 3);
  await runners.last.ready();
  await reach(deployment, 'confirming');
}

describe('a deployment on a slot', () => {
  it('records beside the active float32, selects, switches over and confirms', async (t) => {
    const given = await setUp(t);
    const deployment = given.create();
    await toConfirming(given, deployment);
    const [active, recording, chosen] = given.runners.all;
    assert.equal(recording!.isStopped, true);
    assert.equal(active!.isStopped, true);
    assert.equal(recording!.start.sinks.length, 0);
    assert.match(chosen!.start.modelPath, /int8\.onnx$/);
    await chosen!.decide(confirmation.decisions);
    await given.clock.advance(confirmMs + 200);
    assert.equal(deployment.reported.state, 'succeeded');
    assert.equal(deployment.reported.active?.variant, 'int8');
    assert.deepEqual(given.announced, ['trials 2', 'shadowed', 'activated']);
    assert.deepEqual(given.epochs, [[], [0, 1, 2]], 'the recording runner opens no stream');
  });

  it('records with the active runner itself when only the live source is there', async (t) => {
    const given = await setUp(t, { liveCalibration: true });
    const deployment = given.create();
    deployment.start();
    await untilRunners(given, 1);
    const [active] = given.runners.all;
    assert.notEqual(active!.start.record, undefined);
    await active!.ready();
    await active!.emit({ kind: 'recorded', windows: 16, bytes: 1, full: false });
    await untilRunners(given, 2);
    assert.equal(given.selections.length, 0, 'the recording is closed first');
    await given.runners.last.ready();
    await untilRunners(given, 3);
    assert.equal(given.selections.length, 1);
  });

  it('goes back to float32 when the new variant crashes while it is watched', async (t) => {
    const given = await setUp(t);
    const deployment = given.create();
    await toConfirming(given, deployment);
    await given.runners.last.crash();
    await given.clock.advance(200);
    await untilRunners(given, 5);
    assert.equal(deployment.reported.state, 'rolled_back');
    assert.equal(deployment.reported.active?.variant, 'float32');
    const float32 = given.runners.alive.find(({ start }) => start.modelPath.endsWith('model.onnx'));
    await float32!.ready();
    await settleUntil('float32 alone', () => given.runners.alive.length === 1);
    assert.equal(given.runners.alive[0], float32);
    assert.ok(given.announced.includes('rollback'));
  });

  it('does not hold a crash of before the choice against what was chosen', async (t) => {
    const given = await setUp(t);
    const float32 = row('float32', float32Bytes, true);
    const deployment = given.create({
      runSelection: async () => {
        const found = { rows: [float32], chosen: float32, chosenPath: given.model.modelPath, verdict: 'stays' };
        return { outcome: 'met', ...found, evidencePath: '', durationMs: 1 };
      },
    });
    deployment.start();
    await untilRunners(given, 2);
    const [active, recording] = given.runners.all;
    await active!.ready();
    await active!.crash();
    await given.clock.advance(200);
    await untilRunners(given, 3);
    await given.runners.last.ready();
    await recording!.emit({ kind: 'recorded', windows: 16, bytes: 1, full: false });
    await reach(deployment, 'confirming');
    await given.runners.last.decide(confirmation.decisions);
    await given.clock.advance(confirmMs + 200);
    assert.equal(deployment.reported.state, 'succeeded', deployment.reported.error?.message);
  });

  it('goes back when the new variant never decides', async (t) => {
    const given = await setUp(t);
    const deployment = given.create();
    await toConfirming(given, deployment);
    await given.clock.advance(75_000);
    assert.equal(deployment.reported.state, 'rolled_back');
    assert.equal(deployment.reported.error?.code, 'DEPLOYMENT_FAILED');
  });

  it('starts the chosen variant at once after a restart, and selects nothing again', async (t) => {
    const given = await setUp(t);
    const first = given.create();
    await toConfirming(given, first);
    await given.runners.last.decide(confirmation.decisions);
    await given.clock.advance(confirmMs + 200);
    await first[Symbol.asyncDispose]();
    const offline = () => Promise.reject(new OctetError('REPOSITORY_UNREACHABLE', 'offline'));
    const second = given.create({ pullModel: offline });
    second.start();
    await untilRunners(given, 4);
    assert.match(given.runners.last.start.modelPath, /int8\.onnx$/);
    assert.equal(second.reported.state, 'succeeded');
    assert.equal(given.selections.length, 1);
  });

  it('keeps float32 running when the selection fails, and says why', async (t) => {
    const given = await setUp(t);
    const failing = () => Promise.reject(new OctetError('DATA_INVALID', 'too little', { hint: 'record more' }));
    const deployment = given.create({ runSelection: failing });
    deployment.start();
    await untilRunners(given, 2);
    await given.runners.all[1]!.emit({ kind: 'recorded', windows: 16, bytes: 1, full: false });
    await reach(deployment, 'failed');
    assert.deepEqual(deployment.reported.error, { code: 'DATA_INVALID', message: 'too little', hint: 'record more' });
    assert.equal(given.runners.all[0]!.isOver, false);
  });

  it('goes on with the selection, without a new recording, when the agent ended during it', async (t) => {
    const given = await setUp(t);
    const { promise: never } = Promise.withResolvers<void>();
    given.selection.gate = never;
    const first = given.create();
    first.start();
    await untilRunners(given, 2);
    await given.runners.all[1]!.emit({ kind: 'recorded', windows: 16, bytes: 1, full: false });
    await reach(first, 'measuring');
    // The first one is simply forgotten, as after a kill: what counts is what the store has.
    given.selection.gate = Promise.resolve();
    const second = given.create();
    second.start();
    await reach(second, 'activating');
    assert.equal(given.selections.length, 2);
    assert.equal(given.runners.all.filter(({ start }) => start.record).length, 1);
  });

  it('pulls a model again whose folder is gone, and runs float32 and then the choice it knows', async (t) => {
    const given = await setUp(t);
    const first = given.create();
    await toConfirming(given, first);
    await given.runners.last.decide(confirmation.decisions);
    await given.clock.advance(confirmMs + 200);
    await first[Symbol.asyncDispose]();
    const gone = new OctetError('FILE_NOT_FOUND', 'no manifest');
    let isGone = true;
    const second = given.create({
      readModel: async () => (isGone ? Promise.reject(gone) : given.model),
      pullModel: async () => {
        isGone = false;
        return given.pulled;
      },
    });
    second.start();
    await untilRunners(given, 5);
    assert.match(given.runners.all[3]!.start.modelPath, /model\.onnx$/);
    assert.match(given.runners.last.start.modelPath, /int8\.onnx$/);
    assert.ok(given.announced.includes('model-lost'));
    assert.equal(given.selections.length, 1);
  });

  it('opens a new stream for each process of its runner', async (t) => {
    const given = await setUp(t, { liveCalibration: true });
    given.create().start();
    await untilRunners(given, 1);
    await given.runners.last.ready();
    await given.runners.last.decide(2);
    await given.runners.last.crash();
    await given.clock.advance(200);
    await given.runners.last.ready();
    await given.runners.last.decide(1);
    assert.deepEqual(given.epochs, [[0, 1], [0]]);
    assert.ok(given.announced.includes('runner-crash'));
  });

  it('lets the new variant decide in the shadow first, and drops it when it decides otherwise than float32', async (t) => {
    const given = await setUp(t, { shadowWindows: 64 });
    const deployment = given.create();
    const active = await toShadowing(given, deployment);
    const { id, subjectPath, referencePath } = active.shadowed!;
    assert.match(subjectPath, /int8\.onnx$/);
    assert.match(referencePath, /model\.onnx$/);
    await active.emit({ kind: 'shadow', id, windows: 64, disagreements: 20 });
    await given.clock.advance(200);
    await reach(deployment, 'failed');
    assert.equal(deployment.reported.error?.code, 'DISAGREEMENT');
    assert.equal(deployment.reported.active?.variant, 'float32');
    await settleUntil('the end of the shadow', () => active.shadowed === undefined);
    assert.equal(given.runners.all.length, 2, 'the candidate never ran by itself');
  });

  it('counts the shadow across a crash of the runner, and activates what agrees', async (t) => {
    const given = await setUp(t, { shadowWindows: 64 });
    const deployment = given.create();
    const active = await toShadowing(given, deployment);
    const { id } = active.shadowed!;
    await active.emit({ kind: 'shadow', id, windows: 40, disagreements: 0 });
    await active.crash();
    await given.clock.advance(200);
    const again = given.runners.last;
    assert.equal(again.shadowed?.id, id);
    await again.emit({ kind: 'shadow', id, windows: 30, disagreements: 1 });
    await given.clock.advance(200);
    await reach(deployment, 'activating');
  });

  it('goes back later in life when a sample of live windows says that int8 decides otherwise', async (t) => {
    const given = await setUp(t);
    const deployment = given.create();
    await toConfirming(given, deployment);
    const chosen = given.runners.last;
    await chosen.decide(confirmation.decisions);
    await given.clock.advance(confirmMs + 200);
    assert.equal(deployment.reported.state, 'succeeded');
    await chosen.emit({ kind: 'shadow', id: chosen.shadowed!.id, windows: 100, disagreements: 1 });
    assert.equal(deployment.reported.state, 'succeeded');
    await chosen.emit({ kind: 'shadow', id: chosen.shadowed!.id, windows: 300, disagreements: 90 });
    assert.equal(deployment.reported.state, 'rolled_back');
    assert.equal(deployment.reported.active?.variant, 'float32');
  });

  it('calibrates anew, offline, when the inputs stay other than at the calibration, and says why', async (t) => {
    const given = await setUp(t);
    const deployment = given.create();
    await toConfirming(given, deployment);
    const chosen = given.runners.last;
    await chosen.decide(confirmation.decisions);
    await given.clock.advance(confirmMs + 200);
    const moved = { ...noCounts(1), windows: 4096, bins: [[0, 0, 0, 0, 0, 0, 0, 0, 0, 4096]] };
    for (let period = 0; period < 3; period += 1) {
      assert.equal(deployment.reported.state, 'succeeded');
      await chosen.emit({ kind: 'inputs', counts: moved });
    }
    assert.equal(deployment.state.order?.kind, 'recalibrate');
    assert.match(deployment.state.order?.because ?? '', /x is distributed otherwise/);
    await settleUntil('a new recording', () => given.runners.last.start.record !== undefined);
    assert.ok(given.announced.includes('drift'));
    assert.match(given.runners.last.start.record!.folder, /d1-1$/);
    assert.equal(chosen.isOver, false, 'inference goes on');
  });

  it('keeps its deadline over a restart, without the time that it was off', async (t) => {
    const given = await setUp(t);
    const pullModel: Ports['pullModel'] = async ({ signal }) => {
      await once(signal!, 'abort');
      throw signal!.reason;
    };
    const first = given.create({ pullModel });
    first.start();
    first.give({ kind: 'deploy', slot: 'main', target: 'm', digest: 'd1', jobId: 'j', deadlineMs: 300_000 });
    await given.clock.advance(130_000);
    const second = given.create({ pullModel });
    second.start();
    await given.clock.advance(170_000);
    assert.equal(second.reported.state, 'downloading');
    await given.clock.advance(20_000);
    assert.equal(second.reported.state, 'timed_out');
    assert.deepEqual(given.orders.at(-1)?.jobId, 'j');
    assert.equal(given.orders.at(-1)?.error?.code, 'DEADLINE_PASSED');
  });

  it('that is cancelled while its runner loads ends with the one that ran before', async (t) => {
    const given = await setUp(t);
    const deployment = given.create();
    deployment.start();
    await untilRunners(given, 2);
    const [active, recording] = given.runners.all;
    await active!.ready();
    await recording!.emit({ kind: 'recorded', windows: 16, bytes: 1, full: false });
    await untilRunners(given, 3);
    await reach(deployment, 'activating');
    deployment.cancel();
    await settleUntil('the end of the candidate', () => given.runners.last.isStopped);
    assert.equal(deployment.reported.state, 'cancelled');
    assert.deepEqual(given.runners.alive, [active]);
  });

  it('waits for a clock that can be believed before it pulls', async (t) => {
    const given = await setUp(t);
    let isTrusted = false;
    const deployment = given.create({ clockTrust: () => ({ isTrusted, reason: 'not synchronised yet' }) });
    deployment.start();
    await given.clock.advance(60_000);
    assert.equal(deployment.reported.state, 'accepted');
    assert.match(deployment.reported.detail, /not synchronised/);
    isTrusted = true;
    await given.clock.advance(1000);
    await untilRunners(given, 2);
  });

  it('looks for a newer version again and again, not only after the start', async (t) => {
    const given = await setUp(t);
    let pulls = 0;
    const deployment = given.create({
      pullModel: async () => {
        pulls += 1;
        return given.pulled;
      },
    });
    await toConfirming(given, deployment);
    await given.runners.last.decide(confirmation.decisions);
    await given.clock.advance(confirmMs + 200);
    for (const hours of [1, 2, 3]) {
      await given.clock.advance(3_600_000 * 1.25);
      assert.ok(pulls > hours, `${pulls} pulls after ${hours} hours`);
    }
  });

  it('runs a cooler variant while the board is hot, and comes back when it has been cool for long', async (t) => {
    const given = await setUp(t);
    const deployment = given.create({ runSelection: async (request) => hotSelection(given, request) });
    await toConfirming(given, deployment);
    await given.runners.last.decide(confirmation.decisions);
    await given.clock.advance(confirmMs + 200);
    const reading = (temperatureC: number) => ({
      ...{ temperatureC, cpuLoad: null, memoryAvailableBytes: null, throttled: null, pssBytes: () => null },
    });
    const pass = async (temperatureC: number, seconds: number) => {
      for (let second = 0; second <= seconds; second += 10) {
        deployment.noteSystem(reading(temperatureC));
        await given.clock.advance(10_000);
      }
    };
    await pass(85, 40);
    assert.equal(deployment.reported.active?.variant, 'cool');
    await settleUntil('a cooler runner', () => given.runners.last.start.modelPath.endsWith(`${coolSha}.onnx`));
    await given.runners.last.ready();
    await pass(75, 600);
    assert.equal(deployment.reported.active?.variant, 'cool', 'not cool enough to come back');
    await pass(60, 310);
    assert.equal(deployment.reported.active?.variant, 'int8');
    assert.deepEqual(given.announced.slice(-2), ['demoted', 'promoted']);
  });
});

const coolSha = 'c0'.repeat(32);

async function hotSelection({ int8Path }: SetUp, _: SelectionRequest): Promise<SelectionResult> {
  const rows = [
    { ...row('float32', float32Bytes, false), p50Us: 30 },
    { ...row('int8', int8Bytes, true), p50Us: 20 },
    { ...row('cool', 'cool', false), sha256: coolSha, p50Us: 10 },
  ];
  return {
    outcome: 'met',
    rows,
    chosen: rows[1]!,
    chosenPath: int8Path,
    verdict: 'v',
    evidencePath: '',
    durationMs: 1,
  };
}

/** Until the candidate decides beside the active float32. */
async function toShadowing(given: SetUp, deployment: Deployment): Promise<FakeRunner> {
  deployment.start();
  await untilRunners(given, 2);
  const [active, recording] = given.runners.all;
  await active!.ready();
  await recording!.emit({ kind: 'recorded', windows: 16, bytes: 1, full: false });
  await reach(deployment, 'shadowing');
  await settleUntil('a shadow', () => active!.shadowed !== undefined);
  return active!;
}
