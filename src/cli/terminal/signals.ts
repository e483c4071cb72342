/** One Ctrl-C reaches a process more than once: from the terminal, from npm and from a launcher. */
const SAME_MS = 200;

type StopSignal = "SIGINT" | "SIGTERM";

/** Calls `act` when the process is asked to stop, with the count of times so far. */
export function onStopSignal(act: (count: number, signal: StopSignal) => void): void {
  let count = 0;
  let last = Number.NEGATIVE_INFINITY;
  const listener = (signal: NodeJS.Signals) => {
    const now = performance.now();
    const same = now - last < SAME_MS;
    last = now;
    if (same) return;
    count += 1;
    act(count, signal as StopSignal);
  };
  process.on("SIGINT", listener);
  process.on("SIGTERM", listener);
}

const LOOK_MS = 500;

/** Calls `act` once when the process that started this one is gone. */
export function onParentGone(act: () => void): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    act();
  }, LOOK_MS);
  timer.unref();
}
