import { isGranted } from "../../iam/grants.ts";
import { isDomainError } from "../../kernel/domain-error.ts";
import type { ErrorCode } from "../../kernel/error-codes.ts";
import { OPERATIONS } from "../../operations/catalog.ts";
import type { Operation } from "../../operations/engine/operation.entity.ts";
import { REFUSED_WHILE_HELD } from "../../operations/tenant-hold.ts";
import { refuseByStatus, type TenantAct } from "../../tenants/lifecycle.ts";
import type { Tenant } from "../../tenants/tenant.entity.ts";
import { builder } from "../builder.ts";
import type { Caller } from "../caller.ts";
import { ErrorCodeRef } from "../errors.ts";
import { OperationKindRef } from "../generate/operations.ts";
import { TenantRef } from "../refs.ts";

/** Whether the caller may start an operation on a tenant as it stands. */
interface Verdict {
  readonly kind: TenantAct;
  readonly code: ErrorCode | null;
  readonly reason: string | null;
}

const AllowedOperationRef = builder.objectRef<Verdict>("AllowedOperation").implement({
  description: "Whether the caller may start an operation on a tenant as it stands.",
  fields: (t) => ({
    kind: t.expose("kind", { type: OperationKindRef, description: "Which kind of operation." }),
    allowed: t.boolean({
      description:
        "Whether it would begin. What only its input decides, such as `force`, is not known here.",
      resolve: ({ code }) => code === null,
    }),
    code: t.expose("code", {
      type: ErrorCodeRef,
      nullable: true,
      description: "What it would be refused with; null where it would begin.",
    }),
    reason: t.exposeString("reason", {
      nullable: true,
      description: "Why it would be refused, for people: what to show at a button; or null.",
    }),
  }),
});

builder.objectField(TenantRef, "allowedOperations", (t) =>
  t.field({
    type: [AllowedOperationRef],
    description:
      "Every operation that a mutation starts on a tenant, and whether the caller may start it now: by the tenant's status and lock, by the operation that is running, and by the caller's role.",
    resolve: async (tenant, _args, { load, caller }) => {
      const active = await load.activeOperation.load(tenant.id);
      return Object.values(OPERATIONS)
        .filter(({ kind, mutation }) => mutation !== undefined && kind !== "PROVISION")
        .map(({ kind, grant }) => {
          const refusal =
            refusedByRole(caller, grant) ??
            refusedByTenant(tenant, kind) ??
            (active ? refusedBy(active) : null);
          return { kind, code: null, reason: null, ...refusal };
        });
    },
  }),
);

type Refusal = Pick<Verdict, "code" | "reason">;

function refusedByRole(
  caller: Caller | null,
  grant: Parameters<typeof isGranted>[1],
): Refusal | null {
  if (caller && isGranted(caller.actor.role, grant)) return null;
  return { code: "E_FORBIDDEN", reason: `Your role does not allow ${grant}` };
}

function refusedByTenant(tenant: Tenant, kind: TenantAct): Refusal | null {
  try {
    refuseByStatus(tenant, kind);
  } catch (error) {
    if (isDomainError(error)) return { code: error.code, reason: error.message };
    throw error;
  }
  if (tenant.lockedAt === null || !REFUSED_WHILE_HELD.includes(kind)) return null;
  return { code: "E_TENANT_LOCKED", reason: `Locked against deletion: ${tenant.lockReason}` };
}

const refusedBy = ({ kind }: Operation): Refusal => ({
  code: "E_OPERATION_IN_PROGRESS",
  reason: `Operation ${kind} has not ended`,
});
