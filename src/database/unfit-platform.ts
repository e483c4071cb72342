/** The platform cannot be used as it is found; the message says why, and what to do. */
export class UnfitPlatform extends Error {
  override readonly name = "UnfitPlatform";
}
