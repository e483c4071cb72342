import { z } from "zod";
import { emailField } from "../../iam/users/email.ts";
import { type FieldIssue, isDomainError } from "../../kernel/domain-error.ts";
import { faultsError, issuesOf, lineField } from "../../kernel/input.ts";
import { ISOLATIONS } from "../../tenants/names.ts";
import { parseSlug } from "../../tenants/slug.ts";
import { TIERS } from "../../tenants/tiers.ts";

/** How the first admin gets in. */
export const ADMIN_CREDENTIALS = ["INVITATION", "ONE_TIME_PASSWORD"] as const;

const isTimeZone = (zone: string): boolean => {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return /^[A-Za-z]/.test(zone);
  } catch {
    return false;
  }
};

const unique = (list: string[]) => new Set(list).size === list.length;

/** What provisioning a tenant takes, with the rule of every field. */
export const ProvisionInput = z.strictObject({
  slug: z.string(),
  name: lineField(200),
  adminEmail: emailField,
  adminName: lineField(200).nullable().default(null),
  initialLaboratory: lineField(200),
  setupName: z
    .string()
    .regex(
      /^[a-z][a-z0-9_-]{0,62}$/,
      "must be 1 to 63 characters of a-z, 0-9, _ and -, beginning with a letter",
    )
    .default("default"),
  region: z
    .string()
    .regex(
      /^[a-z][a-z0-9-]{0,31}$/,
      "must be 1 to 32 characters of a-z, 0-9 and -, beginning with a letter",
    )
    .nullable()
    .default(null),
  vertical: lineField(60).nullable().default(null),
  states: z
    .array(z.string().regex(/^[A-Z]{2}(-[A-Z0-9]{1,3})?$/, "must be a code such as CA or US-CA"))
    .max(100, "must name at most 100 states")
    .refine(unique, "must name each state once")
    .default([]),
  tier: z.enum(TIERS).default("STANDARD"),
  timeZone: z
    .string()
    .refine(isTimeZone, "must be an IANA time zone such as Europe/Berlin")
    .default("UTC"),
  supportEmail: emailField.nullable().default(null),
  supportPhone: z
    .string()
    .regex(/^\+?[0-9][0-9 ().-]{3,28}[0-9]$/, "must be a phone number such as +49 30 1234567")
    .nullable()
    .default(null),
  requestedBy: lineField(200).nullable().default(null),
  seeds: z.array(z.string()).max(50).refine(unique, "must name each set once").default(["all"]),
  allowExistingUser: z.boolean().default(false),
  adminCredential: z.enum(ADMIN_CREDENTIALS).default("INVITATION"),
  isolation: z.enum(ISOLATIONS).default("SCHEMA"),
  dbServer: lineField(63).nullable().default(null),
});
export type ProvisionInput = z.infer<typeof ProvisionInput>;

/** What a caller sends: every field with a default may be left out. */
export type ProvisionRequest = z.input<typeof ProvisionInput>;

/**
 * Reads a request to provision. Reports every fault at once, each with its path; where all faults
 * have one code, that is the error's code, otherwise E_VALIDATION.
 *
 * @param knownSeedSets names of the sets in the seed folder; `all` is understood beside them
 * @throws DomainError E_INVALID_SLUG, E_RESERVED_SLUG, E_SEED_SET_NOT_FOUND, E_VALIDATION
 */
export function parseProvisionRequest(
  request: ProvisionRequest,
  knownSeedSets: readonly string[],
): ProvisionInput {
  const faults: FieldIssue[] = [
    ...slugFaults(request.slug),
    ...seedFaults(request.seeds ?? [], knownSeedSets),
  ];
  const read = ProvisionInput.safeParse(request);
  faults.push(...issuesOf(read.error));
  if (faults.length === 0 && read.data) return read.data;
  throw faultsError(faults);
}

function slugFaults(slug: unknown): readonly FieldIssue[] {
  if (typeof slug !== "string") return [];
  try {
    parseSlug(slug);
    return [];
  } catch (error) {
    if (isDomainError(error)) return error.issues;
    throw error;
  }
}

function seedFaults(seeds: readonly string[], known: readonly string[]): FieldIssue[] {
  return seeds.flatMap((name, index) =>
    name === "all" || known.includes(name)
      ? []
      : [
          {
            path: ["seeds", String(index)],
            message: `unknown seed set '${name.slice(0, 63)}'; known are: ${["all", ...known].join(", ")}`,
            code: "E_SEED_SET_NOT_FOUND" as const,
          },
        ],
  );
}
