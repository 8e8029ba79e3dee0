/**
 * A report as one page that needs nothing else: no script, no request, readable on a phone, in the dark and on paper, and
 * still in ten years.
 */
import { type Html, html, raw } from './html.ts';
import { pageStyle } from './style.ts';

export type Page = {
  readonly title: string;
  /** What kind of report it is. */
  readonly eyebrow: string;
  readonly heading: string;
  readonly lead: Html;
  /** Added to the common style sheet. */
  readonly style?: string;
  readonly body: readonly (Html | null)[];
  readonly footer: string;
};

/** @returns a complete HTML document. */
export function renderPage({ title, eyebrow, heading, lead, style = '', body, footer }: Page): string {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><title>${title} – Octet</title><style>${raw(pageStyle + style)}</style></head><body>
<header><p class="eyebrow">${eyebrow}</p><h1>${heading}</h1>
<p class="muted">${lead}</p></header>
${body.filter((part) => part !== null)}
<footer>${footer}</footer></body></html>
`.markup;
}

export function section(id: string, title: string, lead: Html | string, body: Html | readonly Html[]): Html {
  return html`<section id="${id}"><h2>${title}</h2><p class="muted">${lead}</p>${body}</section>`;
}

/** A figure that is worth a look before everything else. */
export function tile(name: string, figure: Html | string, detail: Html | string): Html {
  return html`<div class="tile"><dt>${name}</dt><dd class="figure">${figure}</dd><dd class="muted small">${detail}</dd></div>`;
}

export function tiles(all: readonly Html[]): Html {
  return html`<dl class="tiles">${all}</dl>`;
}

/** The answer in a sentence. */
export function finding(sentence: string, isFault = false): Html {
  return html`<p class="finding ${isFault ? 'fault' : ''}">${sentence}</p>`;
}

export type Fact = readonly [name: string, text: string];

/** Names and what they are, side by side. */
export function factList(facts: readonly Fact[]): Html {
  return html`<dl class="facts">${facts.map(([name, text]) => html`<dt class="muted">${name}</dt><dd>${text}</dd>`)}</dl>`;
}
