import type { z } from "zod";
import { fieldOf } from "../../kernel/described-fields.ts";
import { OPERATIONS } from "../../operations/catalog.ts";
import type { OperationDescription } from "../../operations/define-operation.ts";
import type { Operation } from "../../operations/engine/operation.entity.ts";
import { ProvisionSummary } from "../../operations/provision/results.ts";
import { builder } from "../builder.ts";
import { objectOf } from "../generate/types.ts";
import { TenantRef } from "../refs.ts";

type Results = Pick<OperationDescription<never>, "result" | "plan">;

const BY_KIND = new Map<string, Results>(
  Object.values(OPERATIONS).map(({ kind, ...results }): [string, Results] => [kind, results]),
);

/** The object that a result is in the end, whatever earlier versions have kept. */
const objectIn = (schema: z.ZodType) => fieldOf(schema).schema as z.ZodObject;

const TYPES = [...BY_KIND.values()]
  .flatMap(({ result, plan }) => [result, plan])
  .filter((schema) => schema !== undefined);

builder.objectField(objectOf(ProvisionSummary), "tenant", (t) =>
  t.field({
    type: TenantRef,
    nullable: true,
    description: "The tenant; null once it is gone.",
    resolve: ({ tenantId }, _args, { load }) => load.tenant.load(tenantId),
  }),
);

/** An operation's result, read as its page describes it. */
interface Outcome {
  readonly type: string;
}

export const OperationResultRef = builder.unionType("OperationResult", {
  description: "What came of an operation, by its kind.",
  types: TYPES.map((schema) => objectOf(objectIn(schema))),
  resolveType: (outcome: unknown) => (outcome as Outcome).type,
});

/** An ended operation's result with what tells its type; null where there is none. */
export function outcomeOf({
  kind,
  dryRun,
  result: kept,
}: Operation): typeof OperationResultRef.$inferType | null {
  const { result, plan } = BY_KIND.get(kind) ?? {};
  const schema = (dryRun ? plan : undefined) ?? result;
  if (kept === null || schema === undefined) return null;
  // What provisioning keeps is told apart by a word before it.
  const read = schema.parse(kept.plan ?? kept.summary ?? kept) as object;
  return { ...read, type: objectIn(schema).meta()?.typeName } as never;
}
