/** `octet explain WHAT`: from a record back to the reasons, in plain words. */
import type { Command } from 'commander';
import pico from 'picocolors';
import { explainEvidence, type Section } from '../runtime/select/explain.ts';
import { findEvidence } from '../runtime/select/find-evidence.ts';

type Explained = {
  readonly sections: readonly Section[];
  /** What `--json` prints. */
  readonly record: unknown;
};

/** What can be explained, asked in this order; undefined is "not mine". The last one takes whatever is left, and says what is wrong with it. */
const explainers: readonly ((what: string) => Promise<Explained | undefined>)[] = [explainRecord];

export function define(command: Command): void {
  command
    .argument('<what>', 'a record of a selection, or a folder with evidence/: the newest of it')
    .option('--json', 'print the record itself')
    .action(run);
}

async function run(what: string, { json }: { json?: boolean }): Promise<void> {
  for (const explain of explainers) {
    const explained = await explain(what);
    if (!explained) continue;
    const { sections, record } = explained;
    process.stdout.write(`${json ? JSON.stringify(record) : sections.map(sectionText).join('\n\n')}\n`);
    return;
  }
}

async function explainRecord(what: string): Promise<Explained> {
  const { path, evidence, older } = await findEvidence(what);
  const lines = [`${older} older ${older === 1 ? 'record lies' : 'records lie'} beside this one.`];
  const sections = explainEvidence(evidence, path);
  return { sections: older === 0 ? sections : [...sections, { title: 'Beside it', lines }], record: evidence };
}

function sectionText({ title, lines }: Section): string {
  return [pico.bold(title), ...lines.map((line) => `  ${line}`)].join('\n');
}
