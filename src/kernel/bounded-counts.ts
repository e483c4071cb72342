/** Counts what each of many has taken, up to a bound. */
export class BoundedCounts {
  readonly #taken = new Map<string, number>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  /** Takes one for `id`; answers how to give it back, once, or null when all are taken. */
  take(id: string): (() => void) | null {
    const before = this.#taken.get(id) ?? 0;
    if (before >= this.#most) return null;
    this.#taken.set(id, before + 1);
    return () => {
      const left = (this.#taken.get(id) ?? 1) - 1;
      if (left === 0) this.#taken.delete(id);
      else this.#taken.set(id, left);
    };
  }
}
