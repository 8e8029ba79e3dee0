/** Figures as the report words them. */

/** `99.1 KiB`. */
export function sizeText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  const power = Math.min(3, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${units[power]}`;
}

/** `84.2 µs`, `1.53 ms`. */
export function timeText(us: number): string {
  return us < 1000 ? `${us.toFixed(us < 100 ? 1 : 0)} µs` : `${(us / 1000).toFixed(us < 10_000 ? 2 : 1)} ms`;
}

/** The unit that times up to so many microseconds are best read in, for an axis. */
export function timeUnit(mostUs: number): { readonly unit: string; readonly us: number } {
  return mostUs < 10_000 ? { unit: 'µs', us: 1 } : { unit: 'ms', us: 1000 };
}

/** Models that differ by less than float32 can tell are equal. */
export function dbText(db: number): string {
  return db >= 100 ? 'equal' : `${db.toFixed(1)} dB`;
}

export function percentText(share: number): string {
  if (share === 0) return 'none';
  return share < 0.0001 ? '< 0.01 %' : `${(share * 100).toPrecision(share < 0.1 ? 2 : 3)} %`;
}

/** Three digits, without an exponent where one can do without: `0.0371`, `12.6`. */
export function numberText(value: number): string {
  const magnitude = Math.abs(value);
  if (value !== 0 && (magnitude < 1e-4 || magnitude >= 1e6)) return value.toExponential(1).replace('-', '−');
  return Number(value.toPrecision(3)).toString().replace('-', '−');
}
