/** What a process and its heartbeat thread share. */
export type Pulse = BigInt64Array<SharedArrayBuffer>;

/** When the thread ran last, in ms of the clock that all threads of a process share. */
const SEEN = 0;
/** How often the process was found to have been frozen. */
const FROZEN = 1;
/** Counts the turns of the process's event loop that it is asked for. */
const TURNS = 2;

export const newPulse = (): Pulse => {
  const pulse = new BigInt64Array(new SharedArrayBuffer(3 * 8));
  pulse[SEEN] = now();
  return pulse;
};

const now = () => process.hrtime.bigint() / 1_000_000n;

/**
 * Counts a freeze where the thread has not run for longer than `limitMs`. Whoever notices it first, the
 * thread or the process, counts it: neither does anything more before it was noticed.
 */
export function noticeFreeze(pulse: Pulse, limitMs: number): void {
  const seen = Atomics.load(pulse, SEEN);
  const at = now();
  if (at - seen > BigInt(limitMs) && Atomics.compareExchange(pulse, SEEN, seen, at) === seen)
    countFreeze(pulse);
}

/** How often the process was frozen so far. */
export const frozenCount = (pulse: Pulse): bigint => Atomics.load(pulse, FROZEN);

export const countFreeze = (pulse: Pulse): void => void Atomics.add(pulse, FROZEN, 1n);

/** The thread says that it runs, behind `noticeFreeze`. */
export const seeThread = (pulse: Pulse): void => void Atomics.store(pulse, SEEN, now());

/** The process says that its event loop turns. */
export const turn = (pulse: Pulse): void => void Atomics.add(pulse, TURNS, 1n);

export const turns = (pulse: Pulse): bigint => Atomics.load(pulse, TURNS);
