import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { pino } from 'pino';
import { agentMetrics } from '../../../agent/health/agent-metrics.ts';
import { assess, type Holding } from '../../../agent/health/assess.ts';
import { HealthMonitor, type HealthMonitorOptions, type WatchedSlot } from '../../../agent/health/health-monitor.ts';
import { metricsText, serveMetrics } from '../../../agent/health/metrics.ts';
import { systemdFrom } from '../../../agent/health/systemd.ts';
import { type HealthFacts, warnings } from '../../../agent/health/warnings.ts';
import type { SystemReading } from '../../../agent/ports.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { waitUntil } from '../../support/wait-until.ts';

const slot = {
  slot: 'main',
  phase: 'succeeded',
  isActive: true,
  isDemoted: false,
  silentMs: 0,
  unheardMs: 0,
  crashes: 0,
} as const;
const well: HealthFacts = {
  ...{ isConnected: true, hasRoom: true, clock: { isTrusted: true, reason: '' }, outboxShare: 0 },
  ...{ memoryAvailableBytes: 2 ** 30, throttled: [], slots: [slot] },
};
const reading: SystemReading = {
  ...{ temperatureC: 40, cpuLoad: 0, memoryAvailableBytes: 2 ** 30, throttled: [], pssBytes: () => 1 },
};

const shownAfter = (facts: HealthFacts, seconds: number): string[] => {
  let holding: Holding = {};
  let codes: string[] = [];
  for (let second = 0; second <= seconds; second += 1) {
    const [next, shown] = assess(holding, facts, second * 1000);
    holding = next;
    codes = shown.map(({ code }) => code);
  }
  return codes;
};

function watching(systemd = { watchdogMs: undefined as number | undefined, notify: async (_: string) => {} }) {
  const clock = new FakeClock();
  const state: { connected: boolean; slots: WatchedSlot[] } = { connected: true, slots: [] };
  const announced: string[] = [];
  const options: HealthMonitorOptions = {
    ports: {
      ...{ clock, systemd, version: '1.2.3', log: pino({ level: 'silent' }) },
      clockTrust: () => ({ isTrusted: true, reason: '' }),
    },
    slots: () => state.slots,
    isConnected: () => state.connected,
    hasRoom: () => true,
    outbox: () => ({ waiting: 3, bytes: 10, maxBytes: 100 }),
    announce: (type, severity, text) => announced.push(`${type} ${severity} ${text}`),
  };
  return { clock, state, announced, options, health: new HealthMonitor(options) };
}

describe('the table of warnings', () => {
  it('is silent when all is well, and waits before it tells of what may pass', () => {
    assert.deepEqual(shownAfter(well, 3600), []);
    assert.deepEqual(shownAfter({ ...well, isConnected: false }, 59), []);
    assert.deepEqual(shownAfter({ ...well, isConnected: false }, 60), ['no-broker']);
  });

  it('tells the cause and not what follows from it', () => {
    const none = { ...slot, isActive: false, phase: 'accepted', silentMs: 600_000 } as const;
    assert.deepEqual(shownAfter({ ...well, slots: [none] }, 600), ['no-model']);
    const unset = { ...well, slots: [none], clock: { isTrusted: false, reason: 'not synchronised' } };
    assert.deepEqual(shownAfter(unset, 600), ['clock-not-set']);
    const crashing = { ...slot, silentMs: 100_000, unheardMs: 100_000, crashes: 6 };
    assert.deepEqual(shownAfter({ ...well, slots: [crashing] }, 600), ['runner-crashes']);
    assert.deepEqual(shownAfter({ ...well, slots: [{ ...slot, silentMs: 100_000 }] }, 600), ['no-decisions']);
  });

  it('depends only on warnings that there are', () => {
    for (const [code, { dependsOn }] of Object.entries(warnings))
      for (const cause of dependsOn) assert.ok(cause in warnings && cause !== code, `${code} depends on ${cause}`);
  });

  it('becomes an event when something begins to be wrong, and one when it is over', async () => {
    const { clock, state, announced, health } = watching();
    state.connected = false;
    for (let second = 0; second <= 70; second += 10) {
      health.check(reading);
      await clock.advance(10_000);
    }
    state.connected = true;
    health.check(reading);
    assert.deepEqual(announced, [
      'health warning no connection to the broker: messages wait here',
      'health info over: no connection to the broker: messages wait here',
    ]);
  });
});

describe('the watchdog', () => {
  it('is fed while every runner gives signs of life, and not when one hangs', async () => {
    let fed = 0;
    const notify = async () => {
      fed += 1;
    };
    const { clock, state, health } = watching({ watchdogMs: 30_000, notify });
    const running = {
      slot: 'main',
      state: { phase: 'succeeded', active: null, demotedFrom: null },
      runnerPid: 1,
    } as const;
    const stop = new AbortController();
    const done = health.feedWatchdog(stop.signal);
    for (let second = 0; second < 60; second += 10) {
      state.slots = [{ ...running, heardMs: clock.monotonicMs() }];
      await clock.advance(10_000);
    }
    assert.equal(fed, 5);
    await clock.advance(300_000);
    const before = fed;
    await clock.advance(300_000);
    assert.equal(fed, before, 'it hangs');
    stop.abort();
    await done;
  });

  it('is nobody’s business without a service manager', async () => {
    const systemd = systemdFrom({}, 1);
    assert.equal(systemd.watchdogMs, undefined);
    await systemd.notify('READY=1');
    assert.equal(
      systemdFrom({ NOTIFY_SOCKET: '/x', WATCHDOG_USEC: '30000000', WATCHDOG_PID: '7' }, 1).watchdogMs,
      undefined,
    );
    assert.equal(
      systemdFrom({ NOTIFY_SOCKET: '/x', WATCHDOG_USEC: '30000000', WATCHDOG_PID: '1' }, 1).watchdogMs,
      30_000,
    );
  });

  const isThere = (name: string) => spawnSync('sh', ['-c', `command -v ${name}`]).status === 0;
  const skip = isThere('systemd-notify') && isThere('perl') ? false : 'need systemd-notify and perl';

  it('and the readiness reach the socket that systemd names', { skip }, async (t) => {
    const path = join(await temporaryFolder(t), 'notify');
    const heard = await listenTo(path, t);
    const systemd = systemdFrom({ ...process.env, NOTIFY_SOCKET: path, WATCHDOG_USEC: '10000000' }, process.pid);
    for (const state of ['READY=1', 'WATCHDOG=1', 'STOPPING=1'] as const) await systemd.notify(state);
    await waitUntil(
      'three words',
      () => heard().filter((line) => /^(READY|WATCHDOG|STOPPING)=1/.test(line)).length === 3,
    );
  });
});

/** A socket of the kind that systemd listens on, which Node cannot make. @returns the lines that arrived. */
async function listenTo(path: string, t: TestContext): Promise<() => string[]> {
  const program =
    'use Socket; $|=1; socket(S, AF_UNIX, SOCK_DGRAM, 0); bind(S, sockaddr_un($ARGV[0])); print "bound\\n"; while (recv(S, $m, 4096, 0), defined $m) { print "$m\\n" }';
  const perl = spawn('perl', ['-e', program, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => perl.kill());
  let text = '';
  perl.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  while (!text.includes('bound')) await once(perl.stdout, 'data');
  return () => text.split('\n');
}

describe('the metrics', () => {
  it('are Prometheus text, on loopback', async () => {
    const { health, options, state } = watching();
    state.slots = [
      { slot: 'main', state: { phase: 'succeeded', active: null, demotedFrom: null }, runnerPid: 1, heardMs: 0 },
    ];
    const common = { tUs: 0, label: 'a', score: 1 };
    health.noteDecisions('main', [
      { ...common, seq: 0, latencyUs: 400 },
      { ...common, seq: 1, latencyUs: 40_000 },
    ]);
    health.noteCrash('main');
    health.check(reading);
    await using server = await serveMetrics(0, () => agentMetrics(health, options));
    const response = await fetch(`http://127.0.0.1:${server.port}/metrics`);
    const text = await response.text();
    assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
    for (const line of [
      'octet_outbox_messages 3',
      'octet_temperature_celsius 40',
      'octet_decision_latency_seconds_bucket{slot="main",le="0.0005"} 1',
      'octet_decision_latency_seconds_bucket{slot="main",le="+Inf"} 2',
      'octet_decision_latency_seconds_count{slot="main"} 2',
      'octet_runner_crashes_total{slot="main"} 1',
      'octet_deployment_state{slot="main",state="succeeded"} 1',
    ])
      assert.ok(text.split('\n').includes(line), `${line} in\n${text}`);
    for (const line of text.trimEnd().split('\n'))
      assert.match(line, /^(# (HELP|TYPE) octet_\w+ .+|octet_\w+(\{(\w+="[^"]*",?)+\})? [-+\d.e]+)$/);
    assert.equal((await fetch(`http://127.0.0.1:${server.port}/other`)).status, 404);
  });

  it('escape what a label may not hold, and say which port is taken', async () => {
    const metric = { name: 'm', help: 'h', type: 'gauge', samples: [{ labels: { a: 'x"\\\n' }, value: 1 }] } as const;
    assert.match(metricsText([metric]), /m\{a="x\\"\\\\\\n"\} 1/);
    await using server = await serveMetrics(0, () => []);
    await assert.rejects(
      serveMetrics(server.port, () => []),
      { code: 'PORT_IN_USE' },
    );
  });
});
