/** The page in a real browser: complete, quiet, and asking nobody for anything. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { node } from '../../../../runtime/graph/build.ts';
import { parseModel } from '../../../../runtime/graph/load.ts';
import { saveModel } from '../../../../runtime/graph/save.ts';
import { prepareModel } from '../../../../runtime/quantize/prepare/prepare.ts';
import { applyRecipe, observeFor } from '../../../../runtime/quantize/quantize.ts';
import { recipeSchema } from '../../../../runtime/quantize/recipe.ts';
import { reportPair } from '../../../../runtime/quantize/report/report-pair.ts';
import { launchChromium, openPage } from '../../../fleet/console/browser.ts';
import { missing } from '../../../support/requirements.ts';
import { conv, modelFrom, noise, noiseSamples } from '../small-models.ts';

const screens: readonly (readonly [string, BrowserContextOptions])[] = [
  ['a desk, light', { viewport: { width: 1280, height: 900 }, colorScheme: 'light' }],
  ['a phone, dark', { viewport: { width: 390, height: 844 }, colorScheme: 'dark' }],
];

describe('the report in a browser', { skip: missing('chromium'), timeout: 120_000 }, () => {
  let folder: string;
  let browser: Browser;
  let page: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'octet-report-'));
    page = await writeReport(folder);
    browser = await launchChromium();
  });
  after(async () => {
    await browser?.close();
    await rm(folder, { recursive: true });
  });

  for (const [name, options] of screens)
    it(`has every section, fits the screen and is quiet on ${name}`, async () => {
      const context = await browser.newContext(options);
      const requests: string[] = [];
      context.on('request', (request) => requests.push(request.url()));
      const opened = await context.newPage();
      const complaints: string[] = [];
      opened.on('console', (message) => complaints.push(message.text()));
      opened.on('pageerror', (error) => complaints.push(String(error)));
      const url = pathToFileURL(page).href;
      await opened.goto(url);
      assert.deepEqual(complaints, []);
      assert.deepEqual(requests, [url], 'nothing but the page itself is asked for');
      for (const id of ['layers', 'ranges', 'kernels', 'cost', 'recipe'])
        assert.ok(await opened.locator(`#${id} h2`).isVisible(), id);
      assert.equal(await opened.locator('.layer').count(), 3);
      assert.equal(await opened.locator('.range svg path').count(), 3);
      assert.match(await opened.locator('.tiles').innerText(), /1\.\d\d× (faster|slower)|\d\.\d\d×/);
      assert.match(await opened.locator('#recipe pre').innerText(), /"observer"/);
      const [content, width] = (await opened.evaluate(
        '[document.documentElement.scrollWidth, innerWidth]',
      )) as number[];
      assert.equal(content, width, 'nothing sticks out to the side');
      await context.close();
    });

  it('follows the colours of the system', async () => {
    const grounds = await Promise.all(
      (['light', 'dark'] as const).map(async (colorScheme) => {
        const { page: opened, close } = await openPage(browser, pathToFileURL(page).href, { colorScheme });
        const ground = await opened.evaluate('getComputedStyle(document.body).backgroundColor');
        await close();
        return ground;
      }),
    );
    assert.notEqual(grounds[0], grounds[1]);
  });

  it('shows names from a model as text, whatever they contain', async () => {
    assert.match(await readFile(page, 'utf8'), /&lt;b&gt;second/);
  });
});

/** A small model, its int8 form and the recipe beside it, reported on. @returns the page's path. */
async function writeReport(folder: string): Promise<string> {
  const [float, int8, path] = ['float.onnx', 'int8.onnx', 'report.html'].map((name) => join(folder, name));
  const relu = node('Relu', ['a'], ['r'], {}, 'relu');
  const nodes = [conv('x', 'a', 'w', 'first'), relu, conv('r', 'y', 'w', '<b>second')];
  await saveModel(modelFrom(nodes, [1, 4, 8, 8], { w: noise([4, 4, 3, 3]) }), float!);
  const samples = noiseSamples([1, 4, 8, 8]);
  const recipe = recipeSchema.parse({ kind: 'static' });
  const model = await prepareModel(float!);
  const built = await applyRecipe(model, recipe, await observeFor(model, [recipe], samples));
  assert.ok(built.ok);
  await saveModel(parseModel(built.bytes), int8!);
  await writeFile(join(folder, 'int8.recipe.json'), JSON.stringify({ recipe }));
  await reportPair(float!, int8!, samples, { path: path! });
  return path!;
}
