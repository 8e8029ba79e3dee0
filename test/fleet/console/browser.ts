/** A real Chromium for the page's tests, the page's server and its broker, and whatever the page complained about. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { startEmbeddedBroker } from '../../../fleet/demo/brokers.ts';
import { prepareConsole } from '../../../fleet/demo/console-files.ts';
import { startWebServer } from '../../../fleet/demo/web-server.ts';
import { requirements } from '../../support/requirements.ts';

export async function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: requirements.chromium,
    args: [
      '--no-sandbox',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** @returns the page, and what it wrote as warnings and errors. */
export async function openPage(browser: Browser, url: string, options: BrowserContextOptions = {}) {
  const context = await browser.newContext(options);
  const page: Page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(url);
  return { page, complaints, close: () => context.close() };
}

/** The console and a broker for it, on free ports. */
export async function serveConsole() {
  const repositoryFolder = await mkdtemp(join(tmpdir(), 'octet-console-'));
  const broker = await startEmbeddedBroker();
  const pages = new Set<Duplex>();
  const attach = (page: Duplex) => {
    pages.add(page);
    broker.attach(page);
  };
  const web = await startWebServer({
    host: '127.0.0.1',
    port: 0,
    consoleFolder: await prepareConsole(),
    repositoryFolder,
    broker: { attach },
  });
  return {
    url: web.url,
    broker,
    /** Cuts every page's connection to the broker. */
    dropPages: () => {
      for (const page of pages) page.destroy();
    },
    async [Symbol.asyncDispose]() {
      await web[Symbol.asyncDispose]();
      await broker[Symbol.asyncDispose]();
      await rm(repositoryFolder, { recursive: true, force: true });
    },
  };
}
