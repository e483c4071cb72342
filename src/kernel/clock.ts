/** Tells the time; replaced in tests that look at expiry. */
export type Clock = () => Date;

export const systemClock: Clock = () => new Date();
