import { z } from "zod";
import { emailField } from "../../iam/users/email.ts";
import { describedEnum } from "../../kernel/described.ts";
import { type FieldIssue, isDomainError } from "../../kernel/domain-error.ts";
import { faultsError, issuesOf, lineField, unique } from "../../kernel/input.ts";
import { labelsField } from "../../tenants/labels.ts";
import { Isolation } from "../../tenants/names.ts";
import { parseSlug } from "../../tenants/slug.ts";
import { profileInputs } from "../tenant-profile.ts";

const AdminCredential = describedEnum(
  "AdminCredential",
  "How the first administrator is to get in.",
  {
    INVITATION: "By the link in an email, which asks for a password.",
    ONE_TIME_PASSWORD:
      "With a one-time password, which whoever asked for the tenant reveals once and hands over.",
  },
);

/** What provisioning a tenant takes, with the rule of every field. */
export const ProvisionInput = z
  .strictObject({
    slug: z.string().meta({
      description:
        "Its short name: 3 to 40 lower-case letters, digits and single inner hyphens, beginning with a letter. It becomes part of host and database names and never changes.",
      flag: "--slug <slug>",
      help: "short name for hosts and schemas: a-z, 0-9 and -, 3 to 40 characters",
    }),
    name: lineField(200).meta({
      description: "Its name, 1 to 200 characters.",
      flag: "--name <name>",
      help: "the tenant's name in words",
    }),
    adminEmail: emailField.nullable().default(null).meta({
      description:
        "The email of its first administrator, its owner. Left out, the tenant begins without people: `inviteTenantAdmin` brings some.",
      flag: "--admin-email <email>",
      help: "email of the first admin (default: nobody; invite some later)",
    }),
    adminName: lineField(200).nullable().default(null).meta({
      description: "The name of its first administrator.",
      flag: "--admin-name <name>",
      help: "name of the first admin",
    }),
    initialLaboratory: lineField(200).nullable().default(null).meta({
      description:
        "The name of its first laboratory, 1 to 200 characters, for schemas that have laboratories. Left out, it begins without one: `addLaboratory` adds some.",
      flag: "--lab <name>",
      help: "name of the initial laboratory (default: none)",
    }),
    setupName: z
      .string()
      .regex(
        /^[a-z][a-z0-9_-]{0,62}$/,
        "must be 1 to 63 characters of a-z, 0-9, _ and -, beginning with a letter",
      )
      .default("default")
      .meta({
        description: "The name of the first laboratory's setup, by which it can be chosen later.",
        flag: "--setup-name <name>",
        help: "setup of the initial laboratory (default: default)",
      }),
    region: z
      .string()
      .regex(
        /^[a-z][a-z0-9-]{0,31}$/,
        "must be 1 to 32 characters of a-z, 0-9 and -, beginning with a letter",
      )
      .nullable()
      .default(null)
      .meta({
        description: "The region to be placed in: `eu-central`. Left out, any region will do.",
        flag: "--region <region>",
        help: "place it in this region (default: any)",
      }),
    ...profileInputs,
    labels: labelsField.default([]).meta({
      description: "What to note of it, at most 50; each key once.",
      flag: "--label <key=value...>",
      help: "what to note of it, such as wave=canary; several one after the other",
    }),
    requestedBy: lineField(200).nullable().default(null).meta({
      description: "Who wants it, in your words: kept for later questions.",
      apiName: "onBehalfOf",
      flag: "--requested-by <name>",
      help: "who asked for it, for the audit trail",
    }),
    seeds: z
      .array(z.string())
      .max(50)
      .refine(unique, "must name each set once")
      .default(["all"])
      .meta({
        description: "The seed sets to apply, by name; `all` is every set, and `[]` is none.",
        flag: "--seeds <sets>",
        help: 'seed sets, such as core,microbiology; "" for none (default: all)',
      }),
    allowExistingUser: z.boolean().default(false).meta({
      description:
        "Whether an identity that exists with the administrator's email is linked to the tenant. Otherwise it is refused with `E_OWNER_EXISTS`.",
      flag: "--allow-existing-user",
      help: "link an identity that has this email already",
    }),
    adminCredential: AdminCredential.default("INVITATION").meta({
      description: "How the first administrator is to get in.",
      flag: "--admin-credential <kind>",
      help: "invitation or one-time-password (default: invitation)",
    }),
    isolation: Isolation.default("SCHEMA").meta({
      description: "Where the tenant's schema is to lie.",
      flag: "--isolation <kind>",
      help: "schema or database (default: schema)",
    }),
    planHash: z.string().max(100).optional().meta({
      description:
        "The `planHash` of a dry run with the same input: what was planned is made, or nothing (`E_PLAN_STALE`).",
      flag: "--plan-hash <hash>",
      help: "make what a dry run planned, by its plan hash, or nothing",
    }),
    dbServer: lineField(63).nullable().default(null).meta({
      description:
        "The name of the db server to be placed on. Left out, the least loaded one of the region is chosen. Given together with `region`, it must stand there.",
      flag: "--db-server <name>",
      help: "place it on this db server (default: the least loaded)",
    }),
  })
  .refine(({ adminName, adminEmail }) => adminName === null || adminEmail !== null, {
    path: ["adminName"],
    message: "is of the first administrator, who needs an adminEmail",
  })
  .refine(
    ({ adminCredential, adminEmail }) => adminCredential === "INVITATION" || adminEmail !== null,
    {
      path: ["adminCredential"],
      message: "is of the first administrator, who needs an adminEmail",
    },
  )
  .meta({ description: "A new tenant.", argument: "The tenant." });
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
