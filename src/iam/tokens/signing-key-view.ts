import { z } from "zod";
import type { EntityManager } from "../../database/orm.ts";
import { type Described, describedEnum, describedObject } from "../../kernel/described.ts";
import { type SigningKey, SigningKeyEntity } from "./signing-key.entity.ts";

const SigningKeyState = describedEnum("SigningKeyState", "What a signing key does.", {
  PUBLISHED: "It is in the JWKS and signs nothing yet, so that verifiers know it when it does.",
  SIGNING: "It signs new access tokens.",
  VERIFYING: "It signs nothing any more; what it has signed is valid until it expires.",
  RETIRED: "Nothing that it signed is accepted.",
});

/** A key for access tokens as the API shows it. */
export const KeyView = describedObject(
  "SigningKey",
  "A key that access tokens are signed with. Its public half is in `/.well-known/jwks.json` until it is retired.",
  {
    id: z.string().meta({ description: "What tokens name as `kid`.", isId: true }),
    state: SigningKeyState.describe("What it does at this moment."),
    createdAt: z.date().describe("When it was made and published."),
    signsFrom: z.date().describe("From when on it signs."),
    signsUntil: z
      .date()
      .nullable()
      .describe("From when on it signs nothing; null for the newest key."),
    verifiesUntil: z
      .date()
      .nullable()
      .describe("From when on nothing that it signed is accepted; null for the newest key."),
    purgedAt: z
      .date()
      .nullable()
      .describe("When its private half was removed from the secret store; null until then."),
  },
).meta({ isNode: true });

/** A key, and what the API shows of it at a moment. */
export type ShownKey = SigningKey & Described<typeof KeyView>;

export const shownAt = (key: SigningKey, now: Date): ShownKey => ({
  ...key,
  state: keyStateAt(key, now),
  signsUntil: key.retiredAt,
});

function keyStateAt(
  { signsFrom, retiredAt, verifiesUntil }: SigningKey,
  now: Date,
): z.infer<typeof SigningKeyState> {
  if (verifiesUntil !== null && verifiesUntil <= now) return "RETIRED";
  if (retiredAt !== null && retiredAt <= now) return "VERIFYING";
  return signsFrom <= now ? "SIGNING" : "PUBLISHED";
}

/** The keys for access tokens, the newest first. */
export async function listSigningKeys(em: EntityManager, now: Date): Promise<ShownKey[]> {
  const orderBy = { createdAt: "desc", id: "desc" } as const;
  const keys = await em.find(SigningKeyEntity, { purpose: "ACCESS" }, { orderBy });
  return keys.map((key) => shownAt(key, now));
}
