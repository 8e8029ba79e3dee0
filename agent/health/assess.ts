/** From what holds now, and since when, to what is to be shown. Pure. */
import { type HealthFacts, type Severity, type WarningCode, warnings } from './warnings.ts';

export type Shown = { readonly code: WarningCode; readonly severity: Severity; readonly text: string };

/** Since when each warning holds, monotonic milliseconds. */
export type Holding = Readonly<Partial<Record<WarningCode, number>>>;

export function assess(before: Holding, facts: HealthFacts, nowMs: number): readonly [Holding, readonly Shown[]] {
  const codes = Object.keys(warnings) as WarningCode[];
  const found = codes.flatMap((code) => {
    const text = warnings[code].text(facts);
    return text === undefined ? [] : [{ code, text, sinceMs: before[code] ?? nowMs }];
  });
  const holding: Holding = Object.fromEntries(found.map(({ code, sinceMs }) => [code, sinceMs]));
  const shown = found.flatMap(({ code, text, sinceMs }) => {
    const { severity, afterMs, dependsOn } = warnings[code];
    const isDue = nowMs - sinceMs >= afterMs && !dependsOn.some((cause: string) => cause in holding);
    return isDue ? [{ code, severity, text }] : [];
  });
  return [holding, shown];
}
