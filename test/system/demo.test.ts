import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import { openStore } from '../../agent/store/open-store.ts';
import { listen } from '../../fleet/demo/listening.ts';
import type { DemoReport } from '../../fleet/demo/report.ts';
import { programRoot } from '../../runtime/base/files.ts';
import { launchChromium, openPage } from '../fleet/console/browser.ts';
import { freePort, mosquitto } from '../support/mosquitto.ts';
import { missing } from '../support/requirements.ts';
import { type Finished, runDemo, startDemo, survivors } from './demo-process.ts';

/** The README's picture: taken when it is missing, or on demand. */
const picture = join(programRoot(), 'docs', 'images', 'console.png');

describe('octet demo', { timeout: 400_000 }, () => {
  let data: string;
  let first: Finished;

  before(async () => {
    data = await mkdtemp(join(tmpdir(), 'octet-demo-'));
    first = await runDemo(['--once', '--json', '--port', '0', '--data', data]);
  });
  after(() => rm(data, { recursive: true, force: true }));

  const report = (): DemoReport => JSON.parse(first.stdout);
  const again = ['--port', '0', '--data'] as const;

  it('--once ends with exit code 0 and one JSON document', () => {
    assert.equal(first.code, 0, first.stderr);
    assert.equal(report().model, 'watch-exercise');
  });

  it('runs what its operator has ordered, signed with a key of its own', async () => {
    const { document, privateMode } = await orderedIn(data);
    assert.equal(document.operator, 'demo');
    assert.deepEqual(
      document.slots.map(({ target }) => target.split('@')[0]),
      ['watch-exercise'],
    );
    assert.equal(privateMode, 0o600);
  });

  it('measures several variants and runs the one that was chosen', () => {
    const { rows, variant } = report();
    assert.ok(rows.length >= 2);
    assert.deepEqual(
      rows.filter(({ chosen }) => chosen).map((row) => row.variant),
      [variant],
    );
    assert.ok(rows.every(({ reason }) => reason !== ''));
  });

  it('never chooses a variant that is slower than float32 or outside the accuracy budget', () => {
    const chosen = report().rows.find((row) => row.chosen);
    const float32 = report().rows.find(({ variant }) => variant === 'float32');
    assert.ok(chosen && float32 && chosen.speedup >= 1 && chosen.p50Us <= float32.p50Us);
    assert.ok((float32.accuracy ?? 0) - (chosen.accuracy ?? 0) <= 0.005);
  });

  it('sees decisions of the chosen variant, most of them right', () => {
    const { decisions, accuracy } = report();
    assert.ok(decisions.decisions >= 40 && decisions.judged > 0, JSON.stringify(decisions));
    // Seven exercises: chance is 0.14. Which 40 windows were seen depends on timing.
    assert.ok((accuracy ?? 0) > 0.4, String(accuracy));
  });

  it('says that the sensor is simulated', () => {
    assert.match(JSON.stringify(report().device?.simulated), /replayed/);
    assert.match(first.stderr, /simulated/);
  });

  it('tells every step and the table on stderr beside --json', () => {
    for (const words of [/✓ pull/, /✓ record/, /✓ calibrate/, /✓ measure/, /✓ choose/, /✓ activate/, /float32 /])
      assert.match(first.stderr, words);
  });

  it('remembers the choice at the next start, and ends without a trace on SIGINT', async () => {
    const demo = startDemo([...again, data]);
    await demo.printed(/Live decisions of/);
    const family = demo.family();
    assert.ok(family.length >= 3, 'demo, agent, runner');
    demo.child.kill('SIGINT');
    assert.deepEqual(await survivors(family), []);
    assert.equal(demo.child.exitCode, 0, demo.stderr());
    assert.match(demo.stdout(), /nothing is left running/);
  });

  it('leaves no process behind when it is killed', async () => {
    const demo = startDemo([...again, data]);
    await demo.printed(/Live decisions of/);
    const family = demo.family();
    demo.child.kill('SIGKILL');
    assert.deepEqual(await survivors(family), []);
  });

  it('shows its device on the page', { skip: missing('chromium') }, async () => {
    const demo = startDemo([...again, data]);
    const [, url] = await demo.printed(/The page: (http\S+)/);
    await demo.printed(/Live decisions of/);
    const browser = await launchChromium();
    const { page, complaints } = await openPage(browser, url!, { viewport: { width: 1280, height: 900 } });
    const isTaken = existsSync(picture) && process.env.OCTET_SCREENSHOT !== '1';
    // For the picture enough decisions for a figure that means something.
    await decisionsOn(page, isTaken ? 5 : 300);
    assert.equal(await page.locator('tbody tr').count(), report().rows.length);
    if (!isTaken) await takePicture(page);
    assert.deepEqual(complaints, []);
    await browser.close();
    demo.child.kill('SIGINT');
    assert.deepEqual(await survivors(demo.family()), []);
  });

  it("works over the user's own broker", { skip: missing('mosquitto') }, async (context) => {
    const { url, start } = await mosquitto(context);
    await start();
    const { code, stdout, stderr } = await runDemo(['--once', '--json', '--broker', url, ...again, data]);
    assert.equal(code, 0, stderr);
    assert.equal((JSON.parse(stdout) as DemoReport).variant, report().variant);
  });
});

describe('octet demo with the recurrent model', { timeout: 400_000 }, () => {
  let data: string;
  let finished: Finished;
  before(async () => {
    data = await mkdtemp(join(tmpdir(), 'octet-demo-'));
    const words = ['--model', 'watch-exercise-lstm', '--once', '--json', '--port', '0', '--data', data];
    finished = await runDemo(words);
  });
  after(() => rm(data, { recursive: true, force: true }));

  it('runs that model on the same recordings to its end', () => {
    assert.equal(finished.code, 0, finished.stderr);
    const { model, decisions, accuracy } = JSON.parse(finished.stdout) as DemoReport;
    assert.equal(model, 'watch-exercise-lstm');
    assert.ok(decisions.decisions >= 40 && (accuracy ?? 0) > 0.4, JSON.stringify(decisions));
  });

  it('has no use for static int8, which has no kernel for an LSTM', () => {
    const { rows, variant } = JSON.parse(finished.stdout) as DemoReport;
    assert.ok(rows.length >= 2);
    assert.doesNotMatch(variant, /^static/);
  });

  it('keeps what each model was deployed to apart in one data folder', () => {
    assert.deepEqual(readdirSync(join(data, 'agent')), ['watch-exercise-lstm']);
  });
});

describe('octet demo, asked wrongly', { timeout: 60_000 }, () => {
  let data: string;
  before(async () => {
    data = await mkdtemp(join(tmpdir(), 'octet-demo-'));
  });
  after(() => rm(data, { recursive: true, force: true }));

  it('says that its port is in use and which other it may take', async () => {
    const server = createServer();
    const port = await listen(server, 0, '127.0.0.1');
    const { code, stderr, stdout } = await runDemo(['--port', String(port), '--data', data, '--json']);
    server.close();
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`PORT_IN_USE .*${port}`));
    assert.equal(stdout, '');
  });

  it('says that the named broker does not answer', async () => {
    const { code, stderr } = await runDemo([
      '--port',
      '0',
      '--broker',
      `mqtt://127.0.0.1:${await freePort()}`,
      '--data',
      data,
    ]);
    assert.equal(code, 1);
    assert.match(stderr, /BROKER_UNREACHABLE .*ECONNREFUSED/);
  });

  for (const [words, answer] of [
    [['--prot', '1'], /unknown option '--prot'/],
    [['--model', 'nothing'], /Allowed choices are watch-exercise, watch-exercise-lstm/],
    [['--port', '70000'], /expected a port, 0 to 65535/],
    [['--speed', 'fast'], /expected a factor above 0/],
    [['--broker', 'http://hub'], /USAGE .*expected mqtt:/],
  ] as const)
    it(`answers ${words.join(' ')} with what it expected`, async () => {
      const { code, stderr } = await runDemo([...words, '--data', data]);
      assert.equal(code, 2);
      assert.match(stderr, answer);
    });
});

async function decisionsOn(page: Page, enough: number): Promise<void> {
  const isEnough = (wanted: number) =>
    Number(document.querySelector('[data-testid=decision-count]')?.textContent?.replaceAll(',', '')) >= wanted;
  await page.waitForFunction(isEnough, enough, { timeout: 120_000 });
}

async function takePicture(page: Page): Promise<void> {
  await mkdir(dirname(picture), { recursive: true });
  await page.screenshot({ path: picture });
}

/** What the device of a demo has obeyed, from its store, and how its operator's key is kept. */
async function orderedIn(data: string) {
  using store = openStore(join(data, 'agent', 'watch-exercise'));
  const document = JSON.parse(store.documents.get('desired') ?? '{}') as {
    operator: string;
    slots: readonly { target: string }[];
  };
  const { mode } = await stat(join(data, 'operator', 'demo.key.json'));
  return { document, privateMode: mode & 0o777 };
}
