/** `octet explain EVIDENCE|FOLDER`: from a record back to the reasons, in plain words. */
import type { Command } from 'commander';
import pico from 'picocolors';
import { explainEvidence, type Section } from '../runtime/select/explain.ts';
import { findEvidence } from '../runtime/select/find-evidence.ts';

export function define(command: Command): void {
  command
    .argument('<what>', 'a record of a selection, or a folder with evidence/: the newest of it')
    .option('--json', 'print the record itself')
    .action(run);
}

async function run(what: string, { json }: { json?: boolean }): Promise<void> {
  const { path, evidence, older } = await findEvidence(what);
  const more =
    older === 0 ? [] : [pico.dim(`${older} older ${older === 1 ? 'record lies' : 'records lie'} beside it.`)];
  const text = [...explainEvidence(evidence, path).map(sectionText), ...more].join('\n\n');
  process.stdout.write(`${json ? JSON.stringify(evidence) : text}\n`);
}

function sectionText({ title, lines }: Section): string {
  return [pico.bold(title), ...lines.map((line) => `  ${line}`)].join('\n');
}
