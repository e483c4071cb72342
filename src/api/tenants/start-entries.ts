import type { TenantStart } from "../../operations/start/start-on-each.ts";
import { builder } from "../builder.ts";
import { toRefusal, UserErrorRef } from "../errors.ts";
import { OperationRef } from "../refs.ts";

/** What a mutation answers that starts an operation on each of several tenants. */
export interface TenantStarts {
  readonly results: readonly TenantStart[];
}

/** What became of one tenant: the name of the type, and its parts in words. */
interface Entry {
  readonly name: string;
  readonly description: string;
  readonly operation: string;
}

/** Adds a payload to the schema that has an entry for each of several tenants. */
export const startsPayload = (name: string, results: string, entry: Entry) =>
  builder.objectRef<TenantStarts>(name).implement({
    description: "What became of each tenant.",
    fields: (t) => ({
      results: t.field({
        type: [entryOf(entry)],
        description: results,
        resolve: (starts) => [...starts.results],
      }),
    }),
  });

const entryOf = ({ name, description, operation }: Entry) =>
  builder.objectRef<TenantStart>(name).implement({
    description,
    fields: (t) => ({
      slug: t.exposeString("slug", { description: "The tenant's slug." }),
      operation: t.field({
        type: OperationRef,
        nullable: true,
        description: operation,
        resolve: (start) => ("operation" in start ? start.operation : null),
      }),
      error: t.field({
        type: UserErrorRef,
        nullable: true,
        description: "Why there is no operation; null where there is one.",
        resolve: (start) => ("error" in start ? toRefusal(start.error) : null),
      }),
    }),
  });
