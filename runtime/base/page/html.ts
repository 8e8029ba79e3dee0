/** Markup as a value: whatever is put into a template is escaped, unless it is markup itself. */

export type Html = { readonly markup: string };

type Part = Html | string | number | null | readonly Html[];

/** `` html`<b>${name}</b>` ``; null is nothing, a list is its parts. */
export function html(literals: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const markup = literals.reduce((all, literal, at) => all + markupOf(parts[at - 1] ?? null) + literal);
  return { markup };
}

/** Text that is known to be safe markup: the style sheet, a path of numbers. */
export function raw(markup: string): Html {
  return { markup };
}

function markupOf(part: Part): string {
  if (part === null) return '';
  if (typeof part === 'string' || typeof part === 'number') return escaped(String(part));
  return 'markup' in part ? part.markup : part.map(({ markup }) => markup).join('');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character]!);
}
