import { z } from "zod";
import { type Described, describedObject } from "../../kernel/described.ts";
import { versionOf } from "../../kernel/version-of.ts";
import { Role } from "../roles.ts";
import type { PlatformUser } from "./platform-user.entity.ts";

/** A platform user as the API shows it: everything but the password's hash. */
export const UserView = describedObject(
  "PlatformUser",
  "Somebody who works with Tenantry itself, as opposed to the users of a tenant.",
  {
    id: z.string().meta({ description: "The UUID of this object.", isId: true }),
    email: z
      .string()
      .describe(
        "The email address, in lower case; for a user of single sign-on whose issuer tells none, the name that it has there.",
      ),
    name: z.string().describe("The name, for people."),
    role: Role.describe("What the user may do."),
    version: z
      .string()
      .describe(
        "The version of the role: send it as `ifVersion`, and nobody else's change in between is lost. Opaque.",
      ),
    issuer: z
      .string()
      .nullable()
      .describe(
        "The external issuer that vouches for the user (single sign-on): email, name and role follow its tokens. Null for a user who signs in here.",
      ),
    disabledAt: z
      .date()
      .nullable()
      .describe("Since when the user cannot sign in any more; null when it can."),
    mustChangePassword: z
      .boolean()
      .describe(
        "Whether the user has a one-time password: nothing works until it has called `changePassword`.",
      ),
    oneTimePasswordExpiresAt: z
      .date()
      .nullable()
      .describe("Until when the one-time password lets in; null when there is none."),
    createdAt: z.date().describe("When it was created."),
    updatedAt: z.date().describe("When its role, its password or its access changed last."),
  },
).meta({ isNode: true });
export type UserView = Described<typeof UserView>;

/** What may be shown of a user. */
export const viewOf = (user: PlatformUser): UserView =>
  UserView.parse({ ...user, version: userVersion(user) });

/** The version of what can be edited of a user. */
export const userVersion = ({ role }: Pick<PlatformUser, "role">): string => versionOf({ role });

/**
 * What audit and operations call a user. An issuer may give anybody the email of a user of ours: so it
 * is named with an external user's.
 */
export const nameOf = ({ email, issuer }: Pick<UserView, "email" | "issuer">): string =>
  issuer ? `${email} (${new URL(issuer).host})` : email;
