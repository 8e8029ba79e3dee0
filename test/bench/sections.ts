/** What all benches share: figures beside their targets, section by section, each printed as soon as it is measured. */
import pico from 'picocolors';

export type BenchRow = {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** In words: `≤ 60 s`. */
  readonly target: string;
  readonly ok: boolean;
};

export type Rows = Iterable<BenchRow> | AsyncIterable<BenchRow>;
/** Name → what measures it. */
export type Sections = Readonly<Record<string, () => Promise<Rows>>>;

/** Runs those that are wanted, all when none is named. @returns the exit code: 1 when a figure missed its target. */
export async function runSections(sections: Sections, wanted: readonly string[]): Promise<0 | 1> {
  let missed = 0;
  for (const [name, run] of Object.entries(sections)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    console.log(pico.bold(name));
    for await (const row of await run()) {
      if (!row.ok) missed += 1;
      console.log(lineOf(row));
    }
  }
  return missed === 0 ? 0 : 1;
}

function lineOf({ ok, name, value, unit, target }: BenchRow): string {
  const verdict = ok ? pico.green('met   ') : pico.red('MISSED');
  return `  ${verdict} ${name.padEnd(64)} ${value.toPrecision(4).padStart(10)} ${unit.padEnd(8)} ${pico.dim(target)}`;
}
