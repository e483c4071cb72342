import { z } from "zod";
import { DomainError } from "../kernel/domain-error.ts";
import { isEmail, normalizeEmail } from "./email.ts";
import { ROLES } from "./roles.ts";

const NewUser = z.object({
  email: z.string().transform(normalizeEmail).refine(isEmail, "is not an email address"),
  name: z
    .string()
    .trim()
    .min(1, "must not be empty")
    .max(200, "must have at most 200 characters")
    .regex(/^\P{Cc}*$/u, "must not hold control characters"),
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
  const read = NewUser.safeParse(request);
  if (read.success) return read.data;
  const issues = read.error.issues.map(({ path, message }) => ({
    ...{ path: path.map(String), message, code: "E_VALIDATION" as const },
  }));
  const message = issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; ");
  throw new DomainError("E_VALIDATION", { message, issues });
}
