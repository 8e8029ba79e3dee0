/** Numbers and names as people read them. Between a number and its unit stands a space that does not break. */

const space = '\u00a0';

/** `forward-elevation` → `Forward elevation`. */
export function nameOf(label: string): string {
  const words = label.replaceAll(/[-_]+/g, ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** 1536 → `1.5 KiB`: the units and digits of the commands' tables. */
export function bytesInWords(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const value = bytes / 1024 ** power;
  return `${value.toFixed(power === 0 || value >= 100 ? 0 : 1)}${space}${units[power]}`;
}

/** Three significant digits: 87.3 µs, 1.24 ms. */
export function microsecondsInWords(us: number): string {
  return us < 1000
    ? `${significant(us)}${space}µs`
    : us < 1e6
      ? `${significant(us / 1000)}${space}ms`
      : `${significant(us / 1e6)}${space}s`;
}

/** 0.9812 → `98.1 %`. */
export function percentInWords(share: number, digits = 1): string {
  return `${(share * 100).toFixed(digits)}${space}%`;
}

/** 2.4131 → `2.41×`. */
export function ratioInWords(ratio: number): string {
  return `${ratio.toFixed(2)}×`;
}

/** The difference of two shares in points, with its sign: `−0.3 points`. */
export function pointsInWords(difference: number): string {
  const points = Math.round(difference * 1000) / 10;
  if (points === 0) return `±0${space}points`;
  return `${points < 0 ? '−' : '+'}${Math.abs(points).toFixed(1)}${space}points`;
}

/** 1234 → `1,234`. */
export function countInWords(count: number): string {
  return Math.round(count).toLocaleString('en-GB');
}

/** The time of day, local, to the second. */
export function timeInWords(tMs: number): string {
  return new Date(tMs).toLocaleTimeString('en-GB');
}

function significant(value: number): string {
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2);
}
