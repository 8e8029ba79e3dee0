import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { topics } from '../../../agent/protocol/topics.ts';
import { missing } from '../../support/requirements.ts';
import { launchChromium, openPage, serveConsole } from './browser.ts';
import { connectDevice, decisions, deviceId, info, reported, type Slot, status, system } from './fake-device.ts';

const screens: readonly (readonly [string, BrowserContextOptions])[] = [
  ['a desk, light', { viewport: { width: 1280, height: 900 }, colorScheme: 'light' }],
  ['a desk, dark', { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' }],
  ['a phone, light', { viewport: { width: 390, height: 844 }, colorScheme: 'light', hasTouch: true }],
  ['a phone, dark', { viewport: { width: 390, height: 844 }, colorScheme: 'dark', hasTouch: true }],
];

describe('the console in a browser', { skip: missing('chromium'), timeout: 120_000 }, () => {
  let browser: Browser;
  let served: Awaited<ReturnType<typeof serveConsole>>;
  let device: Awaited<ReturnType<typeof connectDevice>>;

  before(async () => {
    browser = await launchChromium();
  });
  after(() => browser.close());
  beforeEach(async () => {
    served = await serveConsole();
    device = await connectDevice(served.broker.url);
  });
  afterEach(async () => {
    await device.end();
    await served[Symbol.asyncDispose]();
  });

  async function announce(): Promise<void> {
    await device.status(status);
    await device.info(info);
    await device.reported(reported());
  }

  for (const [name, options] of screens) {
    it(`shows device, choice, trials and moving decisions on ${name}`, async () => {
      await announce();
      const { page, complaints, close } = await openPage(browser, served.url, options);
      await textOf(page, 'chosen-variant', 'static-u8s8');
      await device.telemetry(system(0, 60, true));
      await device.telemetry(decisions(0, 280));
      await textOf(page, 'decision-count', '280');
      await device.telemetry(decisions(280, 20));
      await textOf(page, 'decision-count', '300');
      assert.equal(await page.locator('tbody tr').count(), 4);
      assert.equal(await page.locator('canvas').count(), 3);
      assert.equal(await scrollsSideways(page), false);
      assert.deepEqual(complaints, []);
      await close();
    });
  }

  it('says what it waits for before any device has spoken', async () => {
    const { page, close } = await openPage(browser, served.url);
    await page.getByText('No device has spoken yet').waitFor();
    await close();
  });

  it('counts what it cannot read and goes on', async () => {
    await announce();
    const { page, complaints, close } = await openPage(browser, served.url);
    await textOf(page, 'chosen-variant', 'static-u8s8');
    await device.raw(topics.telemetry(deviceId, 'decisions'), '{"stream": 1', false);
    await page.getByTestId('malformed').getByText('1 unreadable message').waitFor();
    await device.telemetry(decisions(0, 3));
    await textOf(page, 'decision-count', '3');
    assert.deepEqual(complaints, []);
    await close();
  });

  it('says so when the device goes offline', async () => {
    await announce();
    const { page, close } = await openPage(browser, served.url);
    await device.status({ ...status, online: false });
    await page.getByText('bench-1 is offline').waitFor();
    await close();
  });

  it('says so when the device has no temperature sensor', async () => {
    await announce();
    const { page, close } = await openPage(browser, served.url);
    await textOf(page, 'chosen-variant', 'static-u8s8');
    await device.telemetry(system(0, 5, false));
    await page.getByText('no temperature sensor').waitFor();
    await close();
  });

  it('shows progress and, when it comes to that, the failure with its hint', async () => {
    const { page, close } = await openPage(browser, served.url);
    const measuring: Partial<Slot> = {
      state: 'measuring',
      progress: 0.4,
      detail: 'static-u8s8, block 3 of 8',
      active: null,
      trials: [],
    };
    await device.reported(reported(measuring));
    await page.getByText('static-u8s8, block 3 of 8 · 40\u00a0%').waitFor();
    const error = { code: 'DISK_FULL', message: 'expected room to write', hint: 'Free space.' };
    await device.reported(reported({ ...measuring, state: 'failed', error }));
    await page.getByText('Free space.').waitFor();
    await close();
  });

  it('does not call an empty page the last that came when the broker goes away', async () => {
    const { page, close } = await openPage(browser, served.url);
    await page.getByText('No device has spoken yet').waitFor();
    await page.getByText('live over MQTT').waitFor();
    await page.context().setOffline(true);
    served.dropPages();
    await page.getByText(/does not answer.* Nothing has come from it yet/).waitFor();
    await close();
  });

  it('says that the broker is away and comes back by itself', async () => {
    await announce();
    const { page, close } = await openPage(browser, served.url);
    await textOf(page, 'chosen-variant', 'static-u8s8');
    await page.context().setOffline(true);
    served.dropPages();
    await page.getByText(/does not answer.* What you see is the last that came/).waitFor();
    await page.context().setOffline(false);
    await page.getByText('live over MQTT').waitFor();
    await device.telemetry(decisions(0, 2));
    await textOf(page, 'decision-count', '2');
    await close();
  });
});

async function textOf(page: Page, testId: string, expected: string): Promise<void> {
  await page.getByTestId(testId).getByText(expected, { exact: true }).waitFor({ timeout: 15_000 });
}

async function scrollsSideways(page: Page): Promise<boolean> {
  return page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
}
