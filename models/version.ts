/** The order of semantic versions (semver 2.0.0 §11): which of two model versions is the newer one. */

/** Below 0 when `a` is older than `b`, above 0 when newer, 0 when equal. Both must be valid versions without build metadata. */
export function compareVersions(a: string, b: string): number {
  const [coreA, preA] = split(a);
  const [coreB, preB] = split(b);
  const core = compareLists(coreA, coreB);
  if (core !== 0) return core;
  // §11.3: a pre-release is older than its release.
  if (preA.length === 0 || preB.length === 0) return preB.length - preA.length;
  return compareLists(preA, preB);
}

function split(version: string): [core: string[], preRelease: string[]] {
  const dash = version.indexOf('-');
  return dash < 0 ? [version.split('.'), []] : [version.slice(0, dash).split('.'), version.slice(dash + 1).split('.')];
}

function compareLists(a: readonly string[], b: readonly string[]): number {
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    const order = compareIdentifiers(a[index]!, b[index]!);
    if (order !== 0) return order;
  }
  // §11.4.4: more identifiers win when all before are equal.
  return a.length - b.length;
}

/** §11.4: numbers by value and before words; words in ASCII order. */
function compareIdentifiers(a: string, b: string): number {
  const [numberA, numberB] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (numberA && numberB) return Number(a) - Number(b);
  if (numberA !== numberB) return numberA ? -1 : 1;
  return a === b ? 0 : a < b ? -1 : 1;
}
