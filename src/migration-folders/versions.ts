/** A version as numbers: `1.2` is [1, 2]. Of any length, since 20 digits occur. */
export type Version = readonly bigint[];

/** Orders versions number by number; `1` equals `1.0`. */
export function compareVersions(a: Version, b: Version): number {
  for (let at = 0; at < Math.max(a.length, b.length); at += 1) {
    const difference = (a[at] ?? 0n) - (b[at] ?? 0n);
    if (difference !== 0n) return difference < 0n ? -1 : 1;
  }
  return 0;
}

/** Orders texts by their code units, in every locale alike. */
export const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The numbers of a text. */
export const numbersOf = (text: string): Version =>
  Array.from(text.matchAll(/\d+/g), ([digits]) => BigInt(digits));

const DATE = /^\d{4}([-_.])\d{2}\1\d{2}(?:[-_.T ]\d+)*(?![0-9A-Za-z])/;
const NUMBER = /^v?\d+(?:[.-]\d+)*(?![0-9A-Za-z])/;

/** The version that a name begins with: `0001_a`, `0002-b`, `v1.2`, `2026-01-05_c`; null: none. */
export function versionOf(name: string): Version | null {
  const version = (DATE.exec(name) ?? NUMBER.exec(name))?.[0];
  return version === undefined ? null : numbersOf(version);
}

/** The versions of all segments of a path without extension; null where a segment has none. */
export function pathVersion(path: string): readonly Version[] | null {
  const versions = path.split("/").map(versionOf);
  return versions.every((version) => version !== null) ? versions : null;
}

/** Orders paths segment by segment. */
export function comparePathVersions(a: readonly Version[], b: readonly Version[]): number {
  for (let at = 0; at < Math.min(a.length, b.length); at += 1) {
    const order = compareVersions(a[at] ?? [], b[at] ?? []);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}
