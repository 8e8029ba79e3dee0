/** Variants and settings → the entries of a race, from simple to involved. */
import { type SessionSettings, settingsText } from '../measure/session-settings.ts';
import type { Entry, VariantFile } from './measured.ts';

/**
 * Every variant under every setting: float32 under the usual settings first, then all variants under those, then the other settings.
 * @param variants float32 first; @param settings the usual ones first.
 */
export function entriesFrom(
  variants: readonly [VariantFile, ...VariantFile[]],
  settings: readonly [SessionSettings, ...SessionSettings[]],
): [Entry, ...Entry[]] {
  const [usual] = settings;
  const entries = settings.flatMap((setting) => variants.map((variant) => entryOf(variant, setting, usual)));
  return entries as [Entry, ...Entry[]];
}

export function entryOf(variant: VariantFile, settings: SessionSettings, usual: SessionSettings): Entry {
  const text = settingsText(settings, usual);
  return { name: text === '' ? variant.name : `${variant.name}, ${text}`, variant, settings };
}
