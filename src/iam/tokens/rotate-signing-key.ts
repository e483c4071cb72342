import { z } from "zod";
import { record } from "../../audit/record.ts";
import type { EntityManager } from "../../database/orm.ts";
import { describedObject } from "../../kernel/described.ts";
import { fieldFault, parseInput, reasonField } from "../../kernel/input.ts";
import type { Actor } from "../actor.ts";
import { newAccessKey } from "./access-key.ts";
import { ACCESS_TOKEN_LIFETIME } from "./access-token.ts";
import { type KeyPorts, offerKey } from "./key-record.ts";
import { type SigningKey, SigningKeyEntity } from "./signing-key.entity.ts";
import { KeyView, type ShownKey, shownAt } from "./signing-key-view.ts";

const MINUTE = 60_000;
// Verifiers that keep the JWKS for some minutes know a key before they see a token of it.
const PUBLISHED_BEFORE = 5 * MINUTE;
// What was signed in the last moment, and a minute for clocks that differ.
const VERIFIES_AFTER = ACCESS_TOKEN_LIFETIME * 1000 + MINUTE;

export const RotateInput = z
  .strictObject({
    immediately: z
      .boolean()
      .default(false)
      .describe(
        "Drops every key before it at once, with all access tokens: for a key that somebody has taken. Whoever is signed in refreshes the session.",
      ),
    reason: reasonField
      .nullable()
      .default(null)
      .describe("Why, 1 to 500 characters, for the audit trail; needed with `immediately`."),
  })
  .describe("How to rotate.");

/** What came of asking for a rotation. */
export const Rotation = describedObject(
  "RotateSigningKeyPayload",
  "The key that signs from its `signsFrom` on.",
  {
    key: KeyView.describe("The newest key."),
    begun: z
      .boolean()
      .describe("False where a rotation was under way already, and nothing was done."),
  },
);

/**
 * Makes a new key for access tokens. It is published at once and signs five minutes later; the key
 * before it goes on verifying until the last token that it signed has expired. Everything else
 * follows from these moments, in each process by itself.
 *
 * @param request what `RotateInput` reads; `immediately` takes a reason, drops the keys before, and leaves
 *   everybody who is signed in to fetch a new access token
 * @throws DomainError E_VALIDATION, E_SECRET_STORE
 */
export async function rotateSigningKey(
  ports: KeyPorts,
  actor: Actor,
  request: unknown,
): Promise<Rotated<ShownKey>> {
  const input = parseInput(RotateInput, request);
  if (input.immediately && input.reason === null) {
    throw fieldFault("reason", "is needed where keys are dropped at once");
  }
  const { key, begun } = await rotate(ports, actor, input);
  return { key: shownAt(key, ports.clock()), begun };
}

/** A `Rotation`, with the key as it is kept or as it is shown. */
interface Rotated<Key> {
  readonly key: Key;
  readonly begun: boolean;
}

async function rotate(
  ports: KeyPorts,
  actor: Actor,
  { immediately, reason }: z.infer<typeof RotateInput>,
): Promise<Rotated<SigningKey>> {
  const underWay = async (em: EntityManager, now: Date): Promise<Rotated<SigningKey> | null> => {
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
        keyId: key.id,
        signsFrom: signsFrom.toISOString(),
        dropped: immediately,
        reason,
        replaces: (immediately ? keys : keys.filter(isNewest)).map(({ id }) => id),
      },
    });
    return { key, begun: true };
  });
}

const isNewest = ({ retiredAt }: SigningKey) => retiredAt === null;

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
      const earlier = key.retiredAt !== null && key.retiredAt < dropAt;
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
