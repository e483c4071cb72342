import type { EntityManager } from "@mikro-orm/postgresql";
import { record } from "../../audit/record.ts";
import { serialise } from "../../database/locks.ts";
import type { Clock } from "../../kernel/clock.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import { newId } from "../../kernel/ids.ts";
import type { Role } from "../roles.ts";
import { actorOf } from "../sign-in/session.ts";
import { type PlatformUser, PlatformUserEntity } from "../users/platform-user.entity.ts";
import { lockUser } from "../users/users.ts";
import type { ExternalIdentity } from "./external-issuer.ts";

interface FollowPorts {
  /** Forked for every call. */
  readonly em: EntityManager;
  readonly clock: Clock;
}

/**
 * Answers the platform user that an external identity is, made at first sight; email, name and role
 * follow the newest token. The user is known by issuer and subject alone: one of ours who has the same
 * email is somebody else.
 *
 * @param address where the request came from, for the audit trail
 * @throws DomainError E_FORBIDDEN when the token grants no role; E_UNAUTHENTICATED when a newer token
 *   gave the user another role, so that no old token brings back what was taken away
 */
export async function followExternalUser(
  ports: FollowPorts,
  identity: ExternalIdentity,
  address: string | null,
): Promise<PlatformUser> {
  const known = await findExternalUser(ports.em.fork(), identity);
  const user =
    known !== null && !isNews(known, identity)
      ? known
      : await ports.em.fork().transactional(async (em) => {
          await serialise(em, `external-user:${identity.issuer} ${identity.subject}`);
          return await takeNews({ ...ports, em }, identity, address);
        });
  // Thrown out here, so that a withdrawal is committed.
  if (user === null || identity.role === null) {
    throw new DomainError("E_FORBIDDEN", { message: "Your account has no role here." });
  }
  if (user.role !== identity.role) throw new DomainError("E_UNAUTHENTICATED");
  return user;
}

const findExternalUser = (em: EntityManager, { issuer, subject }: ExternalIdentity) =>
  em.findOne(PlatformUserEntity, { issuer, subject });

/** Tokens of one second beyond these bring no news. */
const MOST_OF_SECOND = 50;

/**
 * Whether a token is newer than all that were seen of the user. Tokens tell whole seconds: of those of
 * one second the one is newer that came later for the first time.
 */
function isNews(user: PlatformUser, identity: ExternalIdentity): boolean {
  const { tokensOfSecond: seen } = user;
  const ahead = aheadOf(user, identity);
  return ahead === 0
    ? seen.length < MOST_OF_SECOND && !seen.includes(identity.tokenHash)
    : ahead > 0;
}

/** How much later a token was issued than the newest one that was seen, in milliseconds. */
const aheadOf = ({ tokenIssuedAt }: PlatformUser, { issuedAt }: ExternalIdentity): number =>
  issuedAt.getTime() - (tokenIssuedAt?.getTime() ?? 0);

/** Makes the user, or brings it to what the token says; null for a stranger without a role. */
async function takeNews(
  { em, clock }: FollowPorts,
  identity: ExternalIdentity,
  address: string | null,
): Promise<PlatformUser | null> {
  const known = await findExternalUser(em, identity);
  const user = known && (await lockUser(em, known.id));
  const { email, name, role, issuedAt, tokenHash } = identity;
  const now = clock();
  if (user === null) {
    return role === null ? null : insertExternalUser(em, { ...identity, role }, address, now);
  }
  if (!isNews(user, identity)) return user;
  const roleBefore = roleOf(user);
  const changed = user.email !== email || user.name !== name || roleBefore !== role;
  em.assign(user, {
    email,
    name,
    role: role ?? user.role,
    tokenIssuedAt: issuedAt,
    tokensOfSecond: [...(aheadOf(user, identity) === 0 ? user.tokensOfSecond : []), tokenHash],
    roleWithdrawnAt: role === null ? (user.roleWithdrawnAt ?? now) : null,
    ...(changed ? { updatedAt: now } : {}),
  });
  if (changed) {
    const detail = { userId: user.id, email, roleBefore, role };
    record(em, actorOf(user, address), { type: "EXTERNAL_USER_FOLLOWED", detail });
  }
  return user;
}

const roleOf = (user: PlatformUser): Role | null => (user.roleWithdrawnAt ? null : user.role);

function insertExternalUser(
  em: EntityManager,
  identity: ExternalIdentity & { readonly role: Role },
  address: string | null,
  now: Date,
): PlatformUser {
  const { issuer, subject, email, name, role, issuedAt, tokenHash } = identity;
  const user = em.create(PlatformUserEntity, {
    id: newId(),
    issuer,
    subject,
    email,
    name,
    role,
    tokenIssuedAt: issuedAt,
    tokensOfSecond: [tokenHash],
    passwordHash: null,
    mustChangePassword: false,
    oneTimePasswordExpiresAt: null,
    roleWithdrawnAt: null,
    disabledAt: null,
    tokensValidFrom: null,
    createdAt: now,
    updatedAt: now,
  });
  em.persist(user);
  const detail = { userId: user.id, issuer, subject, email, role };
  record(em, actorOf(user, address), { type: "EXTERNAL_USER_ADDED", detail });
  return user;
}
