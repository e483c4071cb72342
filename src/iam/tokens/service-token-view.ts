import { z } from "zod";
import { ActorView } from "../../kernel/actor-view.ts";
import { type Described, describedEnum, describedObject } from "../../kernel/described.ts";
import { Role } from "../roles.ts";
import type { ServiceToken } from "./service-token.entity.ts";

const ServiceTokenState = describedEnum("ServiceTokenState", "Whether a service token lets in.", {
  ACTIVE: "It lets in.",
  EXPIRED: "Its time has run out. It lets nobody in, and never will again.",
  REVOKED: "Somebody has revoked it. It lets nobody in, and never will again.",
});

/** A service token as the API shows it. */
export const TokenView = describedObject(
  "ServiceToken",
  "A script's way in: it is sent where a person's access token is sent, and may do what its role may. Its value was shown when it was created, and is kept nowhere.",
  {
    id: z.uuid().describe("The UUID of the token; not what lets in."),
    name: z.string().describe("What it is for, as operations and the audit trail name it."),
    role: Role.describe("What it may do."),
    hint: z
      .string()
      .describe("How its value begins: tells which token it is that somebody has found."),
    state: ServiceTokenState.describe("Whether it lets in."),
    createdBy: ActorView.describe(
      "Who made it. It goes on letting in when that person has gone, and ends with a token that made it.",
    ),
    createdAt: z.date().describe("When it was made."),
    expiresAt: z.date().describe("When it stops letting in by itself."),
    lastUsedAt: z
      .date()
      .nullable()
      .describe("When it was used last, to the minute; null when it never was."),
    revokedAt: z.date().nullable().describe("When it was revoked; null when it was not."),
  },
).meta({ isNode: true });

/** A service token, and what the API shows of it at a moment. */
export type ShownToken = ServiceToken & Described<typeof TokenView>;

export function shownAt(token: ServiceToken, now: Date): ShownToken {
  const { createdByKind: kind, createdById: id, createdByName: name } = token;
  return { ...token, state: stateOf(token, now), createdBy: { kind, id, name } };
}

function stateOf(
  { revokedAt, expiresAt }: ServiceToken,
  now: Date,
): z.infer<typeof ServiceTokenState> {
  if (revokedAt !== null) return "REVOKED";
  return expiresAt > now ? "ACTIVE" : "EXPIRED";
}
