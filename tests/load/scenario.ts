/** How a scenario tells what it measured, and whether it was as it has to be. */
export interface Report {
  figure(name: string, value: string | number): void;
  /** Counts as passed without a fault, and as failed with one. */
  check(name: string, fault: string | null): void;
}

/** Something that is tried under load. */
export interface Scenario {
  readonly name: string;
  readonly about: string;
  /** @param share of its full size, from 0 to 1 */
  run(report: Report, share: number): Promise<void>;
}

/** The value below which so much of the sorted ones lies. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

/** So many, or the share of them that is wanted. */
export const sized = (full: number, share: number): number => Math.max(2, Math.round(full * share));
