/** A label's colour: by the order in which labels appeared, so that it never changes while the page is open. */

/** Colours defined in style.css, distinguishable with the common kinds of colour blindness; more labels than that repeat. */
const hueCount = 8;

export function hueOf(labels: readonly string[], label: string): string {
  const index = labels.indexOf(label);
  return index < 0 ? 'var(--muted)' : `var(--hue-${index % hueCount})`;
}
