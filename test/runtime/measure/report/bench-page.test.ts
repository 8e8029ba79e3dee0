/** The page of a bench in a real browser, for a board with sensors that was held back, and for one that tells nothing. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { type BenchReport, benchReportSchema } from '../../../../runtime/measure/bench-report.ts';
import { benchPage } from '../../../../runtime/measure/report/bench-page.ts';
import { launchChromium, openPage } from '../../../fleet/console/browser.ts';
import { missing } from '../../../support/requirements.ts';

type Window = BenchReport['windows'][number];

function window(at: number, changes: Partial<Window> = {}): Window {
  const times = { atMs: at * 10_000, durationMs: 10_000, queries: 5000, p50Us: 2000, p90Us: 2100, p99Us: 2300 };
  return { ...times, temperatureC: null, frequencyMHz: null, isKept: true, disturbances: [], ...changes };
}

function benchReport(changes: Partial<BenchReport> = {}): BenchReport {
  const conditions = { temperatureC: null, frequencyMHz: null, governor: null, load1: 0.1 };
  const quantile = { valueUs: 2000, lowUs: 1990, highUs: null };
  return benchReportSchema.parse({
    ...{ format: 1, startedAt: '2026-11-27T00:00:00Z', again: ['octet', 'bench', 'm.onnx'], inputs: 'synthetic' },
    model: { path: 'models/<i>m.onnx', sha256: 'a'.repeat(64), sizeBytes: 1e6 },
    options: { mode: 'single-stream', batch: 1, threads: 1, durationMs: 30_000, sustainedMs: 600_000, data: [] },
    versions: { octet: '0.1.0', node: '24.21.0', onnxRuntime: '1.30.0' },
    device,
    ...{ conditions: { before: conditions, after: conditions }, load: { ms: 20 }, firstQueryUs: 9000 },
    ...{ warmUp: { ms: 500, isStable: true }, throughputPerSecond: 500 },
    latency: { p50: quantile, p90: quantile, p99: quantile, p999: quantile },
    queries: { measured: 15_000, isBatched: false, perReading: 1, clockTickUs: 0.1 },
    memory: { peakBytes: 9e7, incrementBytes: 5e6, steadyPssBytes: null, peakPssBytes: null, readings: 0 },
    ...{ energy: null, energyNote: 'this device has no power meter', isReliable: true, windowsWanted: 3 },
    ...{ windows: [0, 1, 2].map((at) => window(at)), sustained: null },
    ...changes,
  });
}

const device: BenchReport['device'] = {
  ...{ board: 'Raspberry Pi 5', soc: 'BCM2712', os: 'Debian', kernel: '6.6' },
  ...{ processor: 'Cortex-A76', cores: 4, cpuFeatures: ['neon'], remarks: [] },
};

/** Ten minutes that end hot and slow. */
const hot: BenchReport['sustained'] = {
  ...{ coldP50Us: 2000, p50Us: 3200, ratio: 1.6, highestTemperatureC: 84.2, wasThrottled: true },
  windows: Array.from({ length: 60 }, (_, at) =>
    window(at, {
      ...{ temperatureC: 50 + at * 0.58, frequencyMHz: at > 40 ? 1500 : 2400, p50Us: at > 40 ? 3200 : 2000 },
      disturbances: at > 40 ? [{ kind: 'throttled', text: 'the board was throttled' }] : [],
    }),
  ),
};

describe('the report of a bench in a browser', { skip: missing('chromium'), timeout: 120_000 }, () => {
  let folder: string;
  let browser: Browser;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'octet-bench-page-'));
    browser = await launchChromium();
  });
  after(async () => {
    await browser?.close();
    await rm(folder, { recursive: true });
  });

  async function open(report: BenchReport, width: number, colorScheme: 'light' | 'dark') {
    const path = join(folder, 'page.html');
    await writeFile(path, benchPage(report));
    return openPage(browser, pathToFileURL(path).href, { viewport: { width, height: 844 }, colorScheme });
  }

  for (const [width, scheme] of [[1280, 'light'] as const, [390, 'dark'] as const])
    it(`shows cold against sustained with temperature and clock, ${width} pixels wide in the ${scheme}`, async () => {
      const { page, complaints, close } = await open(benchReport({ sustained: hot }), width, scheme);
      assert.equal(await page.locator('#sustained .curve').count(), 3);
      assert.equal(await page.locator('#sustained rect.mark').count(), 3 * 19);
      assert.match(await page.locator('#sustained .time-axis').innerText(), /minutes/);
      assert.match(await page.locator('.finding.fault').innerText(), /1\.60 times as long as cold .* throttled/);
      assert.equal(await page.evaluate('document.documentElement.scrollWidth - innerWidth'), 0);
      assert.deepEqual(complaints, []);
      await close();
    });

  it('says what a device does not tell, and shows names as text', async () => {
    const { page, close } = await open(benchReport(), 390, 'light');
    assert.match(await page.locator('#windows').innerText(), /no temperature sensor, no clock to be read/);
    assert.equal(await page.locator('#sustained').count(), 0);
    assert.match(await page.locator('h1').innerText(), /<i>m\.onnx/);
    assert.match(await page.locator('#latency').innerText(), /1\.99 ms to \?/);
    await close();
  });
});
