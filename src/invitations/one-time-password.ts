import type { EntityManager } from "@mikro-orm/postgresql";
import { z } from "zod";
import { record } from "../audit/record.ts";
import { AuditedRefusal } from "../audit/refusal.ts";
import type { Actor } from "../iam/actor.ts";
import type { Clock } from "../kernel/clock.ts";
import { type Described, describedObject } from "../kernel/described.ts";
import { DomainError } from "../kernel/domain-error.ts";
import { TenantEntity } from "../tenants/tenant.entity.ts";
import type { InvitationCredentials } from "./credentials.ts";
import { IdentityEntity } from "./identity.entity.ts";
import { InvitationEntity } from "./invitation.entity.ts";

interface RevealPorts {
  /** Forked for every call. */
  readonly em: EntityManager;
  readonly credentials: InvitationCredentials;
  readonly clock: Clock;
}

/** The operation whose one-time password is asked for, and who started it. */
interface Revelation {
  readonly operationId: string;
  readonly startedBy: Pick<Actor, "kind" | "id">;
}

export const RevealedPassword = describedObject(
  "RevealOneTimePasswordPayload",
  "The one-time password of a tenant's first administrator. It is shown again only to the same `idempotencyKey`.",
  {
    email: z.string().describe("Whose password it is."),
    oneTimePassword: z.string().describe("Lets in once, for `changeTenantPassword`."),
    expiresAt: z.date().describe("When it stops working."),
  },
);
export type RevealedPassword = Described<typeof RevealedPassword>;

/**
 * Reveals the one-time password that an operation made: once, and only to the actor who started
 * the operation.
 *
 * @throws AuditedRefusal E_FORBIDDEN for any other actor; DomainError E_PASSWORD_REVEALED when there is
 *   none to show: revealed, changed, expired or never made
 */
export async function revealOneTimePassword(
  ports: RevealPorts,
  actor: Actor,
  { operationId, startedBy }: Revelation,
): Promise<RevealedPassword> {
  const { em, credentials, clock } = ports;
  if (actor.kind !== startedBy.kind || actor.id !== startedBy.id) {
    throw new AuditedRefusal("E_FORBIDDEN", {
      actor,
      fact: { type: "ACCESS_REFUSED", operationId, detail: { action: "invitation:reveal" } },
      message: "Only the one who started the operation may see its one-time password",
      nextAction: "Ask who started it, or send the person a link instead with `resendInvitation`.",
    });
  }
  return await em.fork().transactional(async (tx) => {
    const which = { operationId, kind: "ONE_TIME_PASSWORD", revealedAt: null } as const;
    const open = { acceptedAt: null, revokedAt: null, expiresAt: { $gt: clock() } };
    const invitation = await tx.findOne(InvitationEntity, { ...which, ...open });
    // The update decides between callers at the same moment: one of them finds the row unrevealed.
    const revealed =
      invitation &&
      (await tx.nativeUpdate(
        InvitationEntity,
        { id: invitation.id, ...which, ...open },
        { revealedAt: clock() },
      ));
    if (invitation === null || revealed !== 1) throw new DomainError("E_PASSWORD_REVEALED");
    const { email } = await tx.findOneOrFail(IdentityEntity, { id: invitation.identityId });
    const { id, slug } = await tx.findOneOrFail(TenantEntity, { id: invitation.tenantId });
    record(tx, actor, {
      type: "ONE_TIME_PASSWORD_REVEALED",
      tenant: { id, slug },
      operationId,
      detail: { invitationId: invitation.id, email },
    });
    const oneTimePassword = credentials.oneTimePassword(invitation.id);
    return { email, oneTimePassword, expiresAt: invitation.expiresAt };
  });
}
