import { setTimeout as pause } from "node:timers/promises";
import { LockMode } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { z } from "zod";
import type { AuditEvent } from "../audit/events.ts";
import { record } from "../audit/record.ts";
import { checkNewPassword, hashPassword, NEW_PASSWORD } from "../iam/sign-in/password.ts";
import type { FromAddress } from "../iam/sign-in/session.ts";
import { clearAccount, limitAttempts, limitRequests } from "../iam/sign-in/sign-in-limit.ts";
import { isEmail, normalizeEmail } from "../iam/users/email.ts";
import { type Described, describedObject } from "../kernel/described.ts";
import { DomainError } from "../kernel/domain-error.ts";
import { newId } from "../kernel/ids.ts";
import { queueMail } from "../mail/outbox.ts";
import { hashLinkToken } from "./credentials.ts";
import {
  type Found,
  findMember,
  isMember,
  lockMember,
  type Member,
  whyNoMember,
} from "./find-member.ts";
import { auditActorOf, lockIdentity, setOwnPassword } from "./identities.ts";
import { IdentityEntity } from "./identity.entity.ts";
import type { ManagePorts } from "./manage.ts";
import {
  checkActive,
  issueTenantSession,
  type TenantSession,
  type TenantSessionPorts,
} from "./tenant-session.ts";

const RESET_LIFETIME = 3_600_000;
/** Some ten times what the work takes, so that an answer's time does not tell what was done, in milliseconds. */
const ANSWERED_AFTER = 250;
const INVALID = "E_PASSWORD_RESET_INVALID";

type Refusal = Extract<AuditEvent, { type: "PASSWORD_RESET_REQUESTED" }>["detail"]["refusal"];

export const ResetRequestInput = z
  .object({
    slug: z.string().describe("The tenant's slug."),
    email: z.string().describe("The email address, in any case."),
  })
  .meta({ description: "Who has forgotten the password.", argument: "Who it is." });

type ResetRequest = z.infer<typeof ResetRequestInput> & FromAddress;

export const ResetRequested = describedObject(
  "RequestTenantPasswordResetPayload",
  "The request was taken; whether there is such a user is told to nobody.",
  {
    requested: z
      .boolean()
      .describe(
        "Always true. Say to the user: if there is such an account, a mail with a link is on its way.",
      ),
  },
);

/**
 * Sends a tenant's user who has forgotten the password a link to choose another: once, within an hour;
 * the link before stops working. It ends alike and after the same time whether there is such a user or
 * not; only the audit trail is told. Every request counts for the email and the address.
 *
 * @throws RateLimitedError after too many requests
 */
export async function requestPasswordReset(
  ports: ManagePorts,
  input: ResetRequest,
): Promise<Described<typeof ResetRequested>> {
  const email = normalizeEmail(input.email);
  await limitRequests(ports, {
    account: ["PASSWORD_RESET", email],
    signsInAs: ["TENANT", email],
    address: input.address,
  });
  const work = ports.em.fork().transactional((em) => sendReset(ports, em, input));
  await Promise.all([work, pause(ANSWERED_AFTER)]);
  return { requested: true };
}

async function sendReset(
  ports: ManagePorts,
  em: EntityManager,
  { slug, email: raw, address }: ResetRequest,
): Promise<void> {
  const found = await findMember(em, { slug, email: raw });
  const refusal = refusalOf(found);
  if (refusal === null && isMember(found)) await sendLink(ports, em, found);
  const typed = normalizeEmail(raw);
  const email = isEmail(typed) ? typed : null;
  const { tenant } = found;
  // Whoever asks has shown nothing of who they are.
  const actor = { kind: "ANONYMOUS", id: "anonymous", name: email ?? "unknown", address } as const;
  record(em, actor, {
    type: "PASSWORD_RESET_REQUESTED",
    tenant: tenant === null ? undefined : { id: tenant.id, slug: tenant.slug },
    detail: { email, refusal },
  });
}

function refusalOf(found: Found): Refusal {
  if (!isMember(found)) return whyNoMember(found);
  if (found.tenant.status !== "ACTIVE") return "TENANT_NOT_ACTIVE";
  // Whoever has none yet was invited, and can be invited again.
  return found.identity.passwordHash ? null : "NO_PASSWORD";
}

async function sendLink(
  { credentials, queue, clock }: ManagePorts,
  em: EntityManager,
  { tenant, identity: { id }, membership }: Member,
): Promise<void> {
  const identity = await lockIdentity(em, id);
  if (identity === null) return;
  const resetId = newId();
  em.assign(identity, {
    resetTokenHash: hashLinkToken(credentials.resetToken(resetId)),
    resetExpiresAt: new Date(clock().getTime() + RESET_LIFETIME),
    resetTenantId: tenant.id,
  });
  const { slug, name: tenantName } = tenant;
  const params = { membershipId: membership.id, resetId, slug, tenantName };
  queueMail(em, clock, { template: "password-reset", recipient: identity.email, params });
  await queue.enqueueMail(em, `mail-${resetId}`);
}

export const ResetInput = z
  .object({
    token: z.string().describe("The token in the link."),
    newPassword: z.string().describe(NEW_PASSWORD),
  })
  .meta({
    description: "The link that a mail has brought, and the password to have from now on.",
    argument: "The link and password.",
  });

type Reset = z.infer<typeof ResetInput> & FromAddress;

/**
 * Sets the password of a tenant's user by the link of a mail, for all the tenants of theirs, and signs
 * in to the one that the link was asked from. A token works once, also for those who use it at the same
 * moment; a refusal for another reason does not use it up.
 *
 * @throws DomainError E_PASSWORD_RESET_INVALID, alike for unknown, used, replaced and expired;
 *   E_WEAK_PASSWORD; E_TENANT_NOT_ACTIVE; E_RATE_LIMITED after too many tokens that were not valid
 */
export async function resetTenantPassword(
  ports: TenantSessionPorts,
  { token, newPassword, address }: Reset,
): Promise<TenantSession> {
  const [resetId = ""] = token.split(".", 1);
  const account = ["PASSWORD_RESET", resetId] as const;
  const { tenant, identity } = await limitAttempts(ports, { account, address }, () =>
    ports.em.fork().transactional((em) => lockHolder(em, token, ports.clock())),
  );
  checkActive(tenant);
  checkNewPassword(newPassword, identity.email);
  // Before the transaction: nobody waits for a lock while a password is hashed.
  const passwordHash = await hashPassword(newPassword);
  return await ports.em.fork().transactional(async (em) => {
    const now = ports.clock();
    const { tenant, identity, membership } = await lockHolder(em, token, now);
    checkActive(tenant);
    await setOwnPassword(em, identity, passwordHash, now);
    await clearAccount(em, ["TENANT", identity.email]);
    record(em, auditActorOf(identity, address), {
      type: "PASSWORD_RESET",
      tenant: { id: tenant.id, slug: tenant.slug },
      detail: { email: identity.email },
    });
    return await issueTenantSession(ports, { identity, tenant, role: membership.role });
  });
}

/** Answers whose token it is that can be used now, and locks the identity: a second one finds it used. */
async function lockHolder(em: EntityManager, token: string, now: Date): Promise<Member> {
  const identity = await em.findOne(
    IdentityEntity,
    { resetTokenHash: hashLinkToken(token), resetExpiresAt: { $gt: now } },
    { lockMode: LockMode.PESSIMISTIC_WRITE },
  );
  if (!identity?.resetTenantId) throw new DomainError(INVALID);
  const { id: identityId, resetTenantId: tenantId } = identity;
  return await lockMember(em, { tenantId, identityId }, INVALID);
}
