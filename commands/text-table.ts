/** Rows in aligned columns, for a terminal. */
import pico from 'picocolors';

export type Column<T> = {
  readonly title: string;
  readonly align: 'left' | 'right';
  cell(row: T): string;
};

/** A bold head, then a line per row; no trailing spaces. */
export function tableLines<T>(rows: readonly T[], columns: readonly Column<T>[]): string[] {
  const cells = rows.map((row) => columns.map(({ cell }) => cell(row)));
  const widths = columns.map(({ title }, at) => Math.max(title.length, ...cells.map((line) => line[at]!.length)));
  const line = (texts: readonly string[]) =>
    texts
      .map((text, at) => (columns[at]!.align === 'left' ? text.padEnd(widths[at]!) : text.padStart(widths[at]!)))
      .join('  ')
      .trimEnd();
  return [pico.bold(line(columns.map(({ title }) => title))), ...cells.map(line)];
}

/** Names of exporters can be paths of a hundred characters; their ends tell them apart. */
export function shortName(name: string, width = 40): string {
  return name.length <= width ? name : `…${name.slice(1 - width)}`;
}
