import { createHash } from "node:crypto";
import type { AnyOperation } from "./phase.ts";

/** What a worker can run: a digest of the phases of each kind. */
export type Abilities = Readonly<Record<string, string>>;

/** The abilities of a worker that has these definitions. */
export const abilitiesOf = (definitions: Iterable<AnyOperation>): Abilities =>
  Object.fromEntries(
    [...definitions].map(({ kind, phases }) => [kind, digestOf(phases.map(({ name }) => name))]),
  );

const digestOf = (phases: readonly string[]): string =>
  createHash("sha256").update(phases.join(",")).digest("hex");

/** The same digest of the phases that an operation was begun with, in SQL. */
export const phasesDigest = (operationId: string): string =>
  `(select encode(sha256(convert_to(string_agg(name, ',' order by position), 'UTF8')), 'hex')
    from platform.operation_phase where operation_id = ${operationId})`;
