import { z } from "zod";
import { lineField } from "../../kernel/input.ts";
import { Role } from "../roles.ts";
import { NEW_PASSWORD } from "../sign-in/password.ts";
import { emailField } from "./email.ts";

/** Who a new platform user is. */
export const NewUser = z
  .object({
    email: emailField.describe("The email address, of nobody else."),
    name: lineField(200).describe("The name, for people: 1 to 200 characters."),
    role: Role.describe("What the user may do."),
    password: z
      .string()
      .optional()
      .describe(`${NEW_PASSWORD} Leave it out, and a one-time password is made.`),
  })
  .describe("Who the user is, and what it may do.");
export type NewUser = z.infer<typeof NewUser>;
