import { z } from "zod";
import { record } from "../../audit/record.ts";
import type { EntityManager } from "../../database/orm.ts";
import { fieldFault, parseInput, reasonField } from "../../kernel/input.ts";
import type { Actor } from "../actor.ts";
import { authorize } from "../grants.ts";
import { newAccessKey } from "./access-key.ts";
import { type KeyPorts, offerKey } from "./key-record.ts";
import { type SigningKey, SigningKeyEntity } from "./signing-key.entity.ts";
import { ACCESS_TOKEN_LIFETIME } from "./token.ts";

const MINUTE = 60_000;
// Verifiers that keep the JWKS for some minutes know a key before they see a token of it.
const PUBLISHED_BEFORE = 5 * MINUTE;
// What was signed in the last moment, and a minute for clocks that differ.
const VERIFIES_AFTER = ACCESS_TOKEN_LIFETIME * 1000 + MINUTE;

const RotateInput = z.strictObject({
  /** Drops every key there is, with all access tokens: for a key that somebody has taken. */
  immediately: z.boolean().default(false),
  reason: reasonField.nullable().default(null),
});

/** What came of asking for a rotation. */
export interface Rotation {
  /** The key that signs from its `signsFrom` on. */
  readonly key: SigningKey;
  /** False where a rotation was under way already, and nothing was done. */
  readonly begun: boolean;
}

/**
 * Makes a new key for access tokens. It is published at once and signs five minutes later; the key
 * before it goes on verifying until the last token that it signed has expired. Everything else
 * follows from these moments, in each process by itself.
 *
 * @param request `{ immediately?, reason? }`: at once, the keys before are dropped, and everybody who
 *   is signed in needs a new access token; that takes a reason
 * @throws DomainError E_FORBIDDEN, E_VALIDATION, E_SECRET_STORE
 */
export async function rotateSigningKey(
  ports: KeyPorts,
  actor: Actor,
  request: unknown,
): Promise<Rotation> {
  authorize(actor, "signing-key:write");
  const { immediately, reason } = parseInput(RotateInput, request);
  if (immediately && reason === null) {
    throw fieldFault("reason", "is needed where keys are dropped at once");
  }
  const underWay = async (em: EntityManager, now: Date): Promise<Rotation | null> => {
    if (immediately) return null;
    const where = { purpose: "ACCESS" as const, retiredAt: null, signsFrom: { $gt: now } };
    const key = await em.findOne(SigningKeyEntity, where);
    return key && { key, begun: false };
  };
  const begun = await underWay(ports.em.fork(), ports.clock());
  if (begun !== null) return begun;
  return await offerKey(ports, "ACCESS", await newAccessKey(), async (tx, keep) => {
    const now = ports.clock();
    // Another process may have been faster.
    const theirs = await underWay(tx, now);
    if (theirs !== null) return theirs;
    const keys = await tx.find(SigningKeyEntity, { purpose: "ACCESS", ...verifyingAt(now) });
    const signsFrom = immediately ? now : new Date(now.getTime() + PUBLISHED_BEFORE);
    await retire(tx, keys, immediately ? now : null, signsFrom);
    const key = keep(signsFrom);
    record(tx, actor, {
      type: "SIGNING_KEY_ROTATED",
      detail: {
        ...{ keyId: key.id, signsFrom: signsFrom.toISOString(), dropped: immediately, reason },
        replaces: (immediately ? keys : keys.filter(isNewest)).map(({ id }) => id),
      },
    });
    return { key, begun: true };
  });
}

const isNewest = ({ retiredAt }: SigningKey) => retiredAt == null;

const verifyingAt = (now: Date) => ({
  $or: [{ verifiesUntil: null }, { verifiesUntil: { $gt: now } }],
});

/** Ends the newest key's turn, or, with `dropAt`, whatever any of them is good for. */
async function retire(
  tx: EntityManager,
  keys: readonly SigningKey[],
  dropAt: Date | null,
  signsFrom: Date,
): Promise<void> {
  for (const key of keys) {
    if (dropAt !== null) {
      const earlier = key.retiredAt != null && key.retiredAt < dropAt;
      if (!earlier) key.retiredAt = dropAt;
      key.verifiesUntil = dropAt;
    } else if (isNewest(key)) {
      key.retiredAt = signsFrom;
      key.verifiesUntil = new Date(signsFrom.getTime() + VERIFIES_AFTER);
    }
  }
  // Before the new key is inserted: of a purpose, one key at a time may be the newest.
  await tx.flush();
}

/** The keys for access tokens, the newest first. */
export const listSigningKeys = (em: EntityManager): Promise<SigningKey[]> =>
  em.find(SigningKeyEntity, { purpose: "ACCESS" }, { orderBy: { createdAt: "desc", id: "desc" } });

/** What a key does at a moment. */
export function keyStateAt(
  { signsFrom, retiredAt, verifiesUntil }: SigningKey,
  now: Date,
): "PUBLISHED" | "SIGNING" | "VERIFYING" | "RETIRED" {
  if (verifiesUntil != null && verifiesUntil <= now) return "RETIRED";
  if (retiredAt != null && retiredAt <= now) return "VERIFYING";
  return signsFrom <= now ? "SIGNING" : "PUBLISHED";
}
