import { LockMode } from "@mikro-orm/core";
import { z } from "zod";
import { type AuditActor, record } from "../../audit/record.ts";
import { AuditedRefusal } from "../../audit/refusal.ts";
import type { EntityManager } from "../../database/orm.ts";
import type { Clock } from "../../kernel/clock.ts";
import { describedObject } from "../../kernel/described.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import { isId, newId } from "../../kernel/ids.ts";
import { fieldFault, lineField, parseInput } from "../../kernel/input.ts";
import type { Actor } from "../actor.ts";
import { mayGive } from "../grants.ts";
import { Role } from "../roles.ts";
import { PlatformUserEntity } from "../users/platform-user.entity.ts";
import { type ServiceToken, ServiceTokenEntity } from "./service-token.entity.ts";
import { hashServiceToken, hintOf, newServiceToken } from "./service-token-value.ts";
import { type ShownToken, shownAt, TokenView } from "./service-token-view.ts";

const DAY = 86_400_000;
// Without an end, a token that nobody remembers would let its finder in for ever.
const USUAL_DAYS = 90;
const LOCKED = { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true } as const;
const HELD = { lockMode: LockMode.PESSIMISTIC_READ, refresh: true } as const;

export interface ServiceTokenPorts {
  /** Forked for every call. */
  readonly em: EntityManager;
  readonly clock: Clock;
}

export const CreateTokenInput = z
  .strictObject({
    name: lineField(100).describe("What it is for, 1 to 100 characters."),
    role: Role.describe("What it may do; no more than you may."),
    expiresInDays: z
      .int()
      .min(1)
      .max(366)
      .optional()
      .describe(
        "After how many days it stops letting in, 1 to 366; 90 when left out. A token that is made with a service token does not outlast that one.",
      ),
  })
  .meta({ description: "The service token to make.", argument: "The token." });

/** A service token, and its value. */
export const CreatedToken = describedObject(
  "CreateServiceTokenPayload",
  "The new service token, with its value.",
  {
    serviceToken: TokenView.describe("The token as it is kept."),
    value: z
      .string()
      .describe(
        "What lets in: `tnt_` and 49 letters and digits. Shown this once, and again only to the same `idempotencyKey`. Send it as `Authorization: Bearer tnt_…`, over WebSocket in `connectionParams.authorization`.",
      ),
  },
);

/**
 * Creates a token for a script. It may do what its role may, whatever becomes of the person who makes
 * it, until it expires or is revoked; a token that a token makes ends with its maker at the latest.
 *
 * @param request what `CreateTokenInput` reads
 * @returns the token, and its value: shown now and never again
 * @throws DomainError E_VALIDATION; E_FORBIDDEN for a role that may do more than the actor's;
 *   E_UNAUTHENTICATED for a token that was revoked or a person who was disabled meanwhile
 */
export async function createServiceToken(
  { em, clock }: ServiceTokenPorts,
  actor: Actor,
  request: unknown,
): Promise<{ readonly serviceToken: ShownToken; readonly value: string }> {
  const { expiresInDays = USUAL_DAYS, ...input } = parseInput(CreateTokenInput, request);
  if (!mayGive(actor.role, input.role)) throw beyond(actor, input.role);
  const value = newServiceToken();
  return await em.fork().transactional(async (tx) => {
    const now = clock();
    const expiresAt = new Date(now.getTime() + expiresInDays * DAY);
    const end = await holdMaker(tx, actor);
    if (end !== null && end < expiresAt) {
      const until = `must not outlast the token that asks, until ${iso(end)}`;
      throw fieldFault("expiresInDays", until);
    }
    const serviceToken = tx.create(ServiceTokenEntity, {
      id: newId(),
      name: input.name,
      role: input.role,
      createdAt: now,
      expiresAt,
      tokenHash: hashServiceToken(value),
      hint: hintOf(value),
      createdByKind: actor.kind,
      createdById: actor.id,
      createdByName: actor.name,
      lastUsedAt: null,
      revokedAt: null,
    });
    tx.persist(serviceToken);
    record(tx, actor, {
      type: "SERVICE_TOKEN_CREATED",
      detail: { ...named(serviceToken), role: input.role, expiresAt: iso(expiresAt) },
    });
    return { serviceToken: shownAt(serviceToken, now), value };
  });
}

/**
 * Revokes a service token, and the tokens that it has made, and those that they have made: their next
 * request is refused, and what they have open ends within 5 seconds. One that was revoked before stays
 * as it is.
 *
 * @returns the token itself
 * @throws DomainError E_SERVICE_TOKEN_NOT_FOUND
 */
export async function revokeServiceToken(
  { em, clock }: ServiceTokenPorts,
  actor: Actor,
  id: string,
): Promise<ShownToken> {
  return await em.fork().transactional(async (tx) => {
    const token = isId(id) ? await tx.findOne(ServiceTokenEntity, { id }, LOCKED) : null;
    if (token === null) {
      const message = `Service token '${id}' not found`;
      throw new DomainError("E_SERVICE_TOKEN_NOT_FOUND", { message });
    }
    const now = clock();
    await revoke(tx, actor, token, now);
    return shownAt(token, now);
  });
}

async function revoke(
  em: EntityManager,
  actor: AuditActor,
  token: ServiceToken,
  now: Date,
): Promise<void> {
  if (token.revokedAt !== null) return;
  token.revokedAt = now;
  record(em, actor, { type: "SERVICE_TOKEN_REVOKED", detail: named(token) });
  await revokeTokensOf(em, actor, { kind: "SERVICE_TOKEN", id: token.id }, now);
}

/**
 * Revokes, inside the caller's transaction, the service tokens that somebody has made, and those that
 * they have made. The caller holds the maker's row.
 */
export async function revokeTokensOf(
  em: EntityManager,
  actor: AuditActor,
  { kind, id }: Pick<Actor, "kind" | "id">,
  now: Date,
): Promise<void> {
  const made = { createdByKind: kind, createdById: id };
  for (const token of await em.find(ServiceTokenEntity, made, LOCKED)) {
    await revoke(em, actor, token, now);
  }
}

/**
 * Holds who makes a token, so that none is made behind the revocation of all that they have made.
 *
 * @returns until when the token may last; null where its maker sets no end
 */
async function holdMaker(em: EntityManager, { kind, id }: Actor): Promise<Date | null> {
  if (kind === "SERVICE_TOKEN") {
    const maker = await em.findOne(ServiceTokenEntity, { id, revokedAt: null }, HELD);
    if (maker !== null) return maker.expiresAt;
  } else {
    const stands = { id, disabledAt: null };
    if (kind !== "USER" || (await em.findOne(PlatformUserEntity, stands, HELD))) return null;
  }
  throw new DomainError("E_UNAUTHENTICATED");
}

const iso = (date: Date): string => date.toISOString();

const named = ({ id, name, hint }: ServiceToken) => ({ serviceTokenId: id, name, hint });

const beyond = (actor: Actor, role: Role): DomainError =>
  new AuditedRefusal("E_FORBIDDEN", {
    actor,
    fact: { type: "ACCESS_REFUSED", detail: { action: "service-token:write" } },
    message: `The role ${actor.role} does not allow making a token of the role ${role}`,
  });
