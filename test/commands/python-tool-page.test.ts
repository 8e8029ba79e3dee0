/** The page for people who come from Python speaks of flags and recipe fields; each must exist. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { programPath } from '../../runtime/base/children.ts';
import { programRoot } from '../../runtime/base/files.ts';
import { recipeJsonSchema } from '../../runtime/quantize/auto/composed-recipe.ts';

const page = await readFile(join(programRoot(), 'docs/coming-from-the-python-tool.md'), 'utf8');

test('every flag that the page names is one of quantize or inspect', () => {
  const help = ['quantize', 'inspect']
    .map((name) => spawnSync(process.execPath, [programPath(), name, '--help'], { encoding: 'utf8' }).stdout)
    .join();
  const named = new Set(page.match(/--[a-z][a-z-]+/g));
  assert.ok(named.size > 8);
  for (const flag of named) assert.ok(help.includes(`${flag} `), flag);
});

test('every recipe field in its table of arguments is one of the schema', () => {
  const table = page.slice(page.indexOf('## Arguments'), page.indexOf('## extra_options'));
  const fields = table
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| Python'))
    .flatMap((line) => [...(line.split('|')[2] ?? '').matchAll(/`([a-zA-Z]+)`/g)].map(([, field]) => field!));
  assert.ok(fields.length > 10);
  const schema = JSON.stringify(recipeJsonSchema());
  for (const field of fields) assert.ok(schema.includes(`"${field}"`), field);
});
