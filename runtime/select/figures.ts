/** Figures as people read them: one wording for reasons, verdicts and tables. */
import type { AccuracyJudgement } from '../measure/accuracy.ts';
import type { Estimate } from '../measure/statistics.ts';

/** `1.53 times as fast (1.50 to 1.56)`. @param than ` as float32`, where the context does not say it. */
export function estimateText({ value, low, high }: Estimate, than = ''): string {
  const bounds = Number.isFinite(high) ? `${low.toFixed(2)} to ${high.toFixed(2)}` : 'too few rounds for bounds';
  return `${value.toFixed(2)} times as fast${than} (${bounds})`;
}

/** `12.3 MiB`. */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  const power = Math.min(3, Math.floor(Math.log2(Math.max(1, Math.abs(bytes))) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 || Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(1)} ${units[power]}`;
}

/** `84.2 µs`, `1.53 ms`. */
export function timeText(us: number): string {
  return us < 1000 ? `${us.toFixed(us < 100 ? 1 : 0)} µs` : `${(us / 1000).toFixed(us < 10_000 ? 2 : 1)} ms`;
}

/** `12.3 mJ a sample`. */
export function energyText({ value }: Estimate): string {
  const milli = value * 1000;
  return milli < 1 ? `${(milli * 1000).toPrecision(3)} µJ a sample` : `${milli.toPrecision(3)} mJ a sample`;
}

/** A share in points with two decimals: `0.30`. */
function points(share: number): string {
  return (share * 100).toFixed(2);
}

/** How each metric is told, and its bound. */
const wordings = {
  'net loss': [
    (share: number) => (share > 0 ? `loses ${points(share)} points` : gainText(-share)),
    (bound: number) => `${points(Math.max(0, bound))} points at most`,
  ],
  changed: [
    (share: number) => (share === 0 ? 'changes no decision' : `changes ${points(share)} % of decisions`),
    (bound: number) => `at most ${points(bound)} %`,
  ],
  error: [
    (share: number) => `errs by ${points(share)} % of the spread`,
    (bound: number) => `at most ${points(bound)} %`,
  ],
} as const satisfies Record<
  AccuracyJudgement['metric'],
  readonly [(share: number) => string, (bound: number) => string]
>;

function gainText(share: number): string {
  return share === 0 ? 'loses nothing' : `gains ${points(share)} points`;
}

/** What a variant costs, how sure that is, and what would settle it. */
export function accuracyText(judgement: AccuracyJudgement): string {
  const { verdict, metric, value, bound, limit, windows, moreWindows } = judgement;
  const [tell, tellBound] = wordings[metric];
  const measured = `${tell(value)} on ${windows.toLocaleString('en-US')} windows`;
  const sure = `${tellBound(bound)} with 95 % confidence`;
  if (verdict === 'within') return `${measured} (${sure})`;
  if (verdict === 'exceeded') return `${measured}, ${points(limit)} allowed`;
  const wanted = moreWindows === null ? 'more' : `${moreWindows.toLocaleString('en-US')} more`;
  return `${wanted} held-out windows needed to tell whether it keeps within ${points(limit)}: ${measured} (${sure})`;
}
