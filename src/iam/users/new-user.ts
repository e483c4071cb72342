import { z } from "zod";
import { lineField, parseInput } from "../../kernel/input.ts";
import { ROLES } from "../roles.ts";
import { emailField } from "./email.ts";

const NewUser = z.object({
  email: emailField,
  name: lineField(200),
  role: z.enum(ROLES),
});

/** Who a new platform user is. */
export type NewUser = z.infer<typeof NewUser>;

/**
 * Reads who a new platform user is to be.
 *
 * @throws DomainError E_VALIDATION naming every faulty field
 */
export function parseNewUser(request: NewUser): NewUser {
  return parseInput(NewUser, request);
}
