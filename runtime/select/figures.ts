/** Figures as people read them: one wording for reasons, verdicts and tables. */
import type { AccuracyJudgement } from '../measure/accuracy.ts';
import type { Estimate } from '../measure/statistics.ts';

/** `1.53 times float32 (1.50 to 1.56)`. */
export function estimateText({ value, low, high }: Estimate): string {
  const bounds = Number.isFinite(high) ? `${low.toFixed(2)} to ${high.toFixed(2)}` : 'too few rounds for bounds';
  return `${value.toFixed(2)} times as fast as float32 (${bounds})`;
}

/** `12.3 MiB`. */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  const power = Math.min(3, Math.floor(Math.log2(Math.max(1, Math.abs(bytes))) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 || Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(1)} ${units[power]}`;
}

/** A share in points with two decimals: `0.30`. */
function points(share: number): string {
  return (share * 100).toFixed(2);
}

const what = {
  'net loss': (value: number) => (value <= 0 ? `gains ${points(-value)} points` : `loses ${points(value)} points`),
  changed: (value: number) => `changes ${points(value)} % of decisions`,
  error: (value: number) => `errs by ${points(value)} % of the spread`,
} as const satisfies Record<AccuracyJudgement['metric'], (value: number) => string>;

/** What a variant costs, how sure that is, and what would settle it. */
export function accuracyText(judgement: AccuracyJudgement): string {
  const { verdict, metric, value, bound, limit, windows, moreWindows } = judgement;
  const measured = `${what[metric](value)} on ${windows.toLocaleString('en-US')} windows`;
  if (verdict === 'within') return `${measured} (at most ${points(bound)} with 95 % confidence)`;
  if (verdict === 'exceeded') return `${measured}, ${points(limit)} are allowed`;
  const wanted = moreWindows === null ? 'more windows' : `${moreWindows.toLocaleString('en-US')} more windows`;
  return `${wanted} needed to tell that it costs at most ${points(limit)} (${measured}, could be ${points(bound)})`;
}
