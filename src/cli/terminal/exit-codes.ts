/** What the command's exit code tells a script. */
export const EXIT = {
  ok: 0,
  /** The operation failed, or what was asked for was refused. */
  failed: 1,
  /** The command line or the configuration is wrong; nothing was done. */
  usage: 2,
  /** The operation was cancelled. */
  cancelled: 3,
  /** Ctrl-C: 128 and the number of SIGINT. */
  interrupted: 130,
} as const;

/** The command line cannot be understood; the message says why. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Something that whoever runs the command can mend; the message is all there is to say. */
export class PlainFailure extends Error {
  override readonly name = "PlainFailure";
}
