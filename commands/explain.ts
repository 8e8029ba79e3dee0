/** `octet explain WHAT`: from a record, or from what runs on a device, back to the reasons, in plain words. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import pico from 'picocolors';
import { explainDeployment } from '../agent/deployment/explain-deployment.ts';
import type { DeploymentState } from '../agent/deployment/state.ts';
import { explainEvidence, type Section } from '../runtime/select/explain.ts';
import { findEvidence } from '../runtime/select/find-evidence.ts';

type Explained = {
  readonly sections: readonly Section[];
  /** What `--json` prints. */
  readonly record: unknown;
};

/** What can be explained, asked in this order; undefined is "not mine". The last one takes whatever is left, and says what is wrong with it. */
const explainers: readonly ((what: string) => Promise<Explained | undefined>)[] = [explainDeployments, explainRecord];

export function define(command: Command): void {
  command
    .argument(
      '<what>',
      "a record of a selection, a folder with evidence/ (the newest of it), or an agent's data folder",
    )
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

/** What runs in each slot, and after it the selection that it came from, where the device made one. */
async function explainDeployments(what: string): Promise<Explained | undefined> {
  const slots = (await import('../agent/store/peek-slots.ts')).peekSlots(what);
  if (slots === undefined) return undefined;
  const states = slots.map(({ slot, state }) => ({ slot, state: JSON.parse(state) as DeploymentState }));
  const sections: Section[] = [];
  for (const { slot, state } of states) {
    sections.push(explainDeployment(slot, state));
    const selection = state.active && join(what, 'selections', state.active.model.digest);
    if (selection && (await isThere(join(selection, 'evidence'))))
      sections.push(...(await explainRecord(selection)).sections);
  }
  const nothing = { title: 'Slots', lines: ['Nothing was deployed yet.'] };
  return { sections: sections.length > 0 ? sections : [nothing], record: states };
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
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
