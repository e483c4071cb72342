import { join } from "node:path";

/** Where Node keeps what it has compiled for the processes that tests start: they come up in half the time. */
export const COMPILE_CACHE = {
  NODE_COMPILE_CACHE: join(import.meta.dirname, "../../node_modules/.cache/compiled"),
};
