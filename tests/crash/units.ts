// Terminology
// unit   what a worker sends and waits for: a query or a batch that ends with Sync, or an HTTP request
// way    what befalls the worker at a unit
// strike the moment at which it does

/** What can befall a worker at a unit of the wire. */
export const WAYS = ["kill-before", "kill-after", "cut", "freeze", "late"] as const;
/**
 * kill-before: SIGKILL, and the request never arrives. kill-after: the request is done, SIGKILL before the
 * answer. cut: the request is done, the connection ends before the answer, and the worker lives. freeze:
 * SIGSTOP with the request held back; it is let go, with SIGCONT, when another worker has finished. late: the
 * same, when the next operation on the slug has ended, too.
 */
export type Way = (typeof WAYS)[number];

/** One request, as a report names it. */
export interface Unit {
  readonly n: number;
  /** The phase that ran, behind the undone ones `UNDO `; BEGIN before the first. */
  readonly phase: string;
  readonly what: string;
}

/** What happens at a unit, and how it goes on. */
export interface Strike {
  readonly way: Way;
  readonly unit: Unit;
  /** To be called when it has happened; `go` forwards what is held back. */
  happened(go?: () => void): void;
}

interface Plan {
  readonly at: number;
  readonly way: Way;
  onStrike(unit: Unit, go: () => void): void;
}

const PHASE = /\\?"name\\?":\\?"([A-Z_]+)\\?",\\?"state\\?":\\?"(RUNNING|UNDOING)\\?"/g;
const BEGIN = /^(begin|start transaction)/i;
const END = /^(commit|rollback)/i;

/** What statements have in common, whatever their values are. */
const shapeOf = (what: string): string =>
  what
    .replace(/'(?:[^']|'')*'/g, "''")
    .replace(/\d+/g, "0")
    .slice(0, 300);

/** What is known of a connection: whether anything was counted in its open transaction. */
export interface Session {
  counted: boolean;
}

/**
 * Counts one worker's units while an operation runs, and says what happens at which. What the worker also
 * sends while it has nothing to do (heartbeats, looks into the queue) is learned before, and not counted.
 */
export class Units {
  readonly #idle = new Set<string>();
  #mode: "off" | "learning" | "counting" = "off";
  #phase = "BEGIN";
  #plan: Plan | null = null;
  #seen: Unit[] = [];
  #lastAt = performance.now();
  #phaseSeen: ((phase: string) => void) | null = null;

  /** The units since `count`. */
  get seen(): readonly Unit[] {
    return this.#seen;
  }

  /** For how long nothing was sent but what is sent at rest, in ms. */
  get quietMs(): number {
    return performance.now() - this.#lastAt;
  }

  learn(): void {
    this.#mode = "learning";
  }

  /** Takes over what another worker has been seen to send at rest. */
  knows(shapes: Iterable<string>): void {
    for (const shape of shapes) this.#idle.add(shape);
  }

  get idle(): ReadonlySet<string> {
    return this.#idle;
  }

  /** Begins to count. @param plan null to count only */
  count(plan: Plan | null, phaseSeen: (phase: string) => void = () => {}): void {
    this.#mode = "counting";
    this.#phase = "BEGIN";
    this.#plan = plan;
    this.#seen = [];
    this.#phaseSeen = phaseSeen;
  }

  off(): void {
    this.#mode = "off";
    this.#plan = null;
  }

  /** Told of each unit before it is forwarded. @param raw all of it, in which phases are recognised */
  next(session: Session, what: string, raw: string): Strike | null {
    const shape = shapeOf(what);
    if (this.#mode === "learning") {
      if (!END.test(what)) this.#idle.add(shape);
      return null;
    }
    if (BEGIN.test(what)) session.counted = false;
    if (this.#idle.has(shape) || (END.test(what) && !session.counted)) return null;
    session.counted = true;
    this.#lastAt = performance.now();
    if (this.#mode === "off") return null;
    const unit = { n: this.#seen.length + 1, phase: this.#phase, what: what.slice(0, 100) };
    this.#seen.push(unit);
    const moved = [...raw.matchAll(PHASE)].at(-1);
    if (moved) {
      this.#phase = `${moved[2] === "UNDOING" ? "UNDO " : ""}${moved[1]}`;
      this.#phaseSeen?.(this.#phase);
    }
    const plan = this.#plan;
    if (plan?.at !== unit.n) return null;
    return { way: plan.way, unit, happened: (go = () => {}) => plan.onStrike(unit, go) };
  }
}
