import { z } from "zod";
import type { AuditEvent } from "../audit/events.ts";
import { type AuditActor, record } from "../audit/record.ts";
import {
  checkNewPassword,
  hashPassword,
  NEW_PASSWORD,
  verifyPassword,
} from "../iam/sign-in/password.ts";
import type { FromAddress } from "../iam/sign-in/session.ts";
import { limitAttempts } from "../iam/sign-in/sign-in-limit.ts";
import { isEmail, normalizeEmail } from "../iam/users/email.ts";
import { DomainError } from "../kernel/domain-error.ts";
import { type Found, findMember, isMember, type Member, whyNoMember } from "./find-member.ts";
import { auditActorOf, lockIdentity, setOwnPassword } from "./identities.ts";
import type { Identity } from "./identity.entity.ts";
import {
  checkActive,
  issueTenantSession,
  type TenantSession,
  type TenantSessionPorts,
} from "./tenant-session.ts";

type Refusal = Extract<AuditEvent, { type: "SIGN_IN_FAILED" }>["detail"]["reason"];

const slug = z.string().describe("The tenant's slug.");
const email = z.string().describe("The email address, in any case.");

export const TenantSignInInput = z
  .object({ slug, email, password: z.string().describe("The password.") })
  .meta({ description: "The credentials of a tenant's user.", argument: "Who signs in." });

type TenantCredentials = z.infer<typeof TenantSignInInput> & FromAddress;

/**
 * Signs a user of a tenant in. Unknown tenant, account or membership, wrong password and expired
 * one-time password are alike to the caller, in time too; every refusal is audited.
 *
 * @throws DomainError E_SIGN_IN_FAILED; only after the right password E_TENANT_NOT_ACTIVE, and
 *   E_PASSWORD_CHANGE_REQUIRED while it is a one-time password; E_RATE_LIMITED after too many failures
 */
export async function tenantSignIn(
  ports: TenantSessionPorts,
  input: TenantCredentials,
): Promise<TenantSession> {
  const verified = await verifyCredentials(ports, input);
  if (verified.identity.mustChangePassword) {
    await auditRefusal(ports, input, verified, "PASSWORD_CHANGE_REQUIRED");
    throw new DomainError("E_PASSWORD_CHANGE_REQUIRED");
  }
  return await ports.em.fork().transactional(async (em) => {
    const identity = await lockUnchanged({ ...ports, em }, verified.identity);
    const { tenant, membership } = verified;
    record(em, auditActorOf(identity, input.address), {
      type: "SIGNED_IN",
      tenant: { id: tenant.id, slug: tenant.slug },
      detail: { realm: "TENANT", email: identity.email },
    });
    return await issueTenantSession(ports, { identity, tenant, role: membership.role });
  });
}

export const ChangeTenantPasswordInput = z
  .object({
    slug,
    email,
    currentPassword: z.string().describe("The password or one-time password as it is now."),
    newPassword: z.string().describe(NEW_PASSWORD),
  })
  .meta({
    description: "The credentials of a tenant's user, and the password to have instead.",
    argument: "The passwords.",
  });

type TenantPasswordChange = z.infer<typeof ChangeTenantPasswordInput> & FromAddress;

/**
 * Changes the password of a tenant's user and signs in with it: the way out of a one-time password,
 * which cannot be revealed any more from then on.
 *
 * @throws DomainError E_WEAK_PASSWORD; E_SIGN_IN_FAILED, E_TENANT_NOT_ACTIVE and E_RATE_LIMITED as
 *   `tenantSignIn`
 */
export async function changeTenantPassword(
  ports: TenantSessionPorts,
  input: TenantPasswordChange,
): Promise<TenantSession> {
  const { slug, email, currentPassword, newPassword, address } = input;
  checkNewPassword(newPassword, normalizeEmail(email));
  if (newPassword === currentPassword) {
    throw new DomainError("E_WEAK_PASSWORD", { message: "The new password must be another one." });
  }
  const verified = await verifyCredentials(ports, {
    slug,
    email,
    password: currentPassword,
    address,
  });
  const passwordHash = await hashPassword(newPassword);
  return await ports.em.fork().transactional(async (em) => {
    const identity = await lockUnchanged({ ...ports, em }, verified.identity);
    const { tenant, membership } = verified;
    await setOwnPassword(em, identity, passwordHash, ports.clock());
    record(em, auditActorOf(identity, address), {
      type: "PASSWORD_CHANGED",
      tenant: { id: tenant.id, slug: tenant.slug },
      detail: { realm: "TENANT", email: identity.email },
    });
    return await issueTenantSession(ports, { identity, tenant, role: membership.role });
  });
}

/** Answers whose password this is, in a tenant that is active. */
async function verifyCredentials(
  ports: TenantSessionPorts,
  input: TenantCredentials,
): Promise<Member> {
  const account = ["TENANT", normalizeEmail(input.email)] as const;
  const verified = await limitAttempts(ports, { account, address: input.address }, () =>
    verify(ports, input),
  );
  if (verified.tenant.status !== "ACTIVE") {
    await auditRefusal(ports, input, verified, "TENANT_NOT_ACTIVE");
    checkActive(verified.tenant);
  }
  return verified;
}

/** Answers whose password this is; everything else fails alike, after the same work. */
async function verify(ports: TenantSessionPorts, input: TenantCredentials): Promise<Member> {
  const found = await findMember(ports.em.fork(), input);
  const matches = await verifyPassword(found.identity?.passwordHash ?? null, input.password);
  if (!isMember(found)) return await refuse(ports, input, found, whyNoMember(found));
  if (!matches) return await refuse(ports, input, found, "WRONG_PASSWORD");
  const expiresAt = found.identity.oneTimePasswordExpiresAt ?? null;
  if (expiresAt !== null && expiresAt <= ports.clock()) {
    return await refuse(ports, input, found, "ONE_TIME_PASSWORD_EXPIRED");
  }
  return found;
}

async function refuse(
  ports: TenantSessionPorts,
  input: TenantCredentials,
  found: Found,
  reason: Refusal,
): Promise<never> {
  await auditRefusal(ports, input, found, reason);
  throw new DomainError("E_SIGN_IN_FAILED");
}

/** Tells the audit trail of a sign-in that was refused. */
export async function auditRefusal(
  ports: TenantSessionPorts,
  { email: raw, address }: Pick<TenantCredentials, "email" | "address">,
  { tenant, identity }: Pick<Found, "tenant" | "identity">,
  reason: Refusal,
): Promise<void> {
  const typed = normalizeEmail(raw);
  const email = isEmail(typed) ? typed : null;
  const stranger: AuditActor = {
    kind: "ANONYMOUS",
    id: "anonymous",
    name: email ?? "unknown",
    address,
  };
  const actor = identity === null ? stranger : auditActorOf(identity, address);
  await ports.em.fork().transactional(async (em) => {
    record(em, actor, {
      type: "SIGN_IN_FAILED",
      tenant: tenant === null ? undefined : { id: tenant.id, slug: tenant.slug },
      detail: { realm: "TENANT", email, reason },
    });
  });
}

/** Locks the identity, whose password may have changed since it was verified. */
async function lockUnchanged({ em }: TenantSessionPorts, verified: Identity): Promise<Identity> {
  const identity = await lockIdentity(em, verified.id);
  if (identity === null || identity.passwordHash !== verified.passwordHash) {
    throw new DomainError("E_SIGN_IN_FAILED");
  }
  return identity;
}
