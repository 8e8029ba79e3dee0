/** The page in a real browser: complete and quiet on a desk and a phone, in the light and the dark, whatever the record holds. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import type { Evidence } from '../../../../runtime/select/evidence.ts';
import { selectionPage } from '../../../../runtime/select/report/page.ts';
import { launchChromium, openPage } from '../../../fleet/console/browser.ts';
import { missing } from '../../../support/requirements.ts';
import { recordedEvidence } from '../recorded-evidence.ts';
import { alone, crowded, hopeless, unlabelledAndHot } from './awkward-evidence.ts';

const screens: readonly (readonly [string, BrowserContextOptions])[] = [
  ['a desk, light', { viewport: { width: 1280, height: 900 }, colorScheme: 'light' }],
  ['a phone, dark', { viewport: { width: 390, height: 844 }, colorScheme: 'dark' }],
];

const records = { recordedEvidence, crowded, hopeless, alone, unlabelledAndHot } as const;
const sections = ['trade-off', 'contenders', 'latency', 'conditions', 'facts', 'again'];

describe('the report of a selection in a browser', { skip: missing('chromium'), timeout: 180_000 }, () => {
  let folder: string;
  let browser: Browser;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'octet-selection-page-'));
    browser = await launchChromium();
  });
  after(async () => {
    await browser?.close();
    await rm(folder, { recursive: true });
  });

  async function open(evidence: Evidence, options: BrowserContextOptions) {
    const path = join(folder, 'page.html');
    await writeFile(path, selectionPage(evidence, 'octet select --repeat evidence/1f.json'));
    return openPage(browser, pathToFileURL(path).href, options);
  }

  for (const [screen, options] of screens)
    for (const [name, record] of Object.entries(records))
      it(`shows the record "${name}" whole and without a complaint on ${screen}`, async () => {
        const evidence = record();
        const { page, complaints, close } = await open(evidence, options);
        for (const id of sections) assert.ok(await page.locator(`#${id} h2`).isVisible(), id);
        assert.equal(await page.locator('.contenders tbody').count(), evidence.trials.length);
        assert.equal(await page.evaluate('document.documentElement.scrollWidth - innerWidth'), 0, 'sticks out');
        assert.deepEqual(await overlappingNames(page), []);
        assert.deepEqual(complaints, []);
        await close();
      });

  it('asks nobody for anything', () => {
    const page = selectionPage(crowded(), '');
    assert.doesNotMatch(page.replaceAll('href="data:,"', ''), /(src|href)=|url\(|@import|<script/);
  });

  it('names in the picture the chosen one and float32, and says how far down the worst is', async () => {
    const { page, close } = await open(crowded(), screens[1]![1]);
    const names = (await page.locator('.point-name').allInnerTexts()).join('\n');
    assert.match(names, /13 static-u8s8-entropy/);
    assert.match(names, /1 float32/);
    assert.match(names, /weight-only-2, no arena ↓31/);
    await close();
  });

  it('says in words what cannot be drawn', async () => {
    const { page, close } = await open(hopeless(), screens[0]![1]);
    assert.match(await page.locator('h1').innerText(), /Nothing fits; float32 comes closest/);
    assert.match(await page.locator('#trade-off').innerText(), /Fewer than two contenders/);
    assert.match(await page.locator('#conditions').innerText(), /too soon for a curve/);
    assert.match(await page.locator('#contenders').innerText(), /a crash in native code/);
    await close();
  });

  it('tells which sensors a device lacks', async () => {
    const { page, close } = await open(alone(), screens[0]![1]);
    assert.match(
      await page.locator('#conditions').innerText(),
      /no temperature sensor, no clock to be read on this device/,
    );
    assert.equal(await page.locator('.curve').count(), 1);
    await close();
  });

  it('marks when the processor was held back, and doubts the figures', async () => {
    const { page, close } = await open(unlabelledAndHot(), screens[0]![1]);
    assert.equal(await page.locator('.curve').count(), 3);
    assert.ok((await page.locator('.curve rect.mark').count()) > 10);
    assert.ok(await page.locator('.finding.fault').isVisible());
    assert.match(await page.locator('h1').innerText(), /<b>static<\/b>/, 'names are text, whatever they contain');
    await close();
  });
});

/** Pairs of names in the picture that cover each other. */
async function overlappingNames(page: Awaited<ReturnType<typeof openPage>>['page']): Promise<string[]> {
  return page.evaluate(() => {
    const boxes = [...document.querySelectorAll('.point-name')].map((name) => ({
      text: name.textContent,
      box: name.getBoundingClientRect(),
    }));
    return boxes.flatMap((a, at) =>
      boxes
        .slice(at + 1)
        .filter(
          (b) =>
            a.box.left < b.box.right - 1 &&
            b.box.left < a.box.right - 1 &&
            a.box.top < b.box.bottom - 1 &&
            b.box.top < a.box.bottom - 1,
        )
        .map((b) => `${a.text} / ${b.text}`),
    );
  });
}
