import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type Channel, channels } from '../../../agent/protocol/channels.ts';
import { publishedFiles } from '../../../agent/protocol/published.ts';
import { accessRules } from '../../../provision/broker/mosquitto.ts';

const folder = join(import.meta.dirname, '..', '..', '..', 'docs', 'octet-1');

describe('the published protocol', () => {
  it('is what the table of channels makes, file by file (else: npm run protocol)', () => {
    const found = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const names = found.map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
    assert.deepEqual(names.sort(), [...publishedFiles().keys()].sort());
    for (const [name, text] of publishedFiles())
      assert.equal(readFileSync(join(folder, name), 'utf8'), text, `${name} is outdated: npm run protocol`);
  });

  it('has a channel, an operation and a message for every entry, and no reference that leads nowhere', () => {
    const document = JSON.parse(publishedFiles().get('asyncapi.json') ?? '') as Record<string, Record<string, unknown>>;
    assert.deepEqual(Object.keys(document.channels ?? {}), Object.keys(channels));
    assert.deepEqual(Object.keys(document.operations ?? {}), Object.keys(channels));
    for (const reference of JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)) {
      const target = reference[1] ?? '';
      if (target.startsWith('./')) assert.ok(publishedFiles().has(target.slice(2)), target);
      else assert.ok(resolve(document, target), target);
    }
  });

  it('is described with the access rules that a site gets', () => {
    const page = readFileSync(join(folder, '..', 'on-the-wire.md'), 'utf8');
    assert.ok(page.includes(`\`\`\`acl\n${accessRules(['alice']).replace(/^#.*\n/, '')}\`\`\``));
  });

  it('gives every up topic the device in it, and keeps down topics apart from up topics', () => {
    for (const { topic, direction } of Object.values(channels) as Channel[]) {
      assert.match(topic, /\{device\}/);
      assert.equal(topic.includes('/down/'), direction === 'down', topic);
    }
  });
});

function resolve(document: unknown, pointer: string): unknown {
  return pointer
    .slice(2)
    .split('/')
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], document);
}
