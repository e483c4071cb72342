import { z } from "zod";
import { describedObject } from "../kernel/described.ts";
import { lineField, reasonField } from "../kernel/input.ts";
import { ifVersionField } from "../kernel/version-of.ts";
import { DbServerKind, DbServerStatus, DbServerTlsMode } from "./db-server-enums.ts";
import { isHost } from "./host-rules.ts";

const existing = z.string().max(63).describe("The db server's name.");

const Label = describedObject("DbServerLabelInput", "Something to note of a db server.", {
  key: z.string().describe("What is noted: 1 to 63 characters of a-z, 0-9 and `._/-`."),
  value: z.string().describe("The note, 1 to 200 characters."),
});

const LABEL_KEY =
  "the key must be 1 to 63 characters of a-z, 0-9 and ._/-, beginning with a letter or digit";

/** The notes by their keys, which is how they are kept. */
const labelMap = z
  .record(z.string().regex(/^[a-z0-9][a-z0-9._/-]{0,62}$/), lineField(200), {
    error: ({ code }) => (code === "invalid_key" ? LABEL_KEY : undefined),
  })
  .refine((labels) => Object.keys(labels).length <= 50, "must have at most 50 entries");

const labels = z
  .array(Label)
  .refine(
    (list) => new Set(list.map(({ key }) => key)).size === list.length,
    "must have each key once",
  )
  .transform((list) => Object.fromEntries(list.map(({ key, value }) => [key, value])))
  .pipe(labelMap);

/** Fields that a new server needs. */
const needed = {
  region: z
    .string()
    .regex(
      /^[a-z][a-z0-9-]{0,31}$/,
      "must be 1 to 32 characters of a-z, 0-9 and -, beginning with a letter",
    )
    .describe("The region it stands in: 1 to 32 characters of a-z, 0-9 and -."),
  host: z
    .string()
    .max(254)
    .transform((host) => host.toLowerCase().replace(/\.$/, ""))
    .refine(isHost, "must be a host name or an IP address")
    .describe(
      "Its host name or IP address; no URL, no socket path. DB_SERVER_HOSTS may limit which.",
    ),
  adminSecretRef: z
    .string()
    .regex(/^[0-9A-Za-z-]{1,127}$/, "must be 1 to 127 letters, digits and hyphens")
    .describe(
      "The name of the secret that holds its admin's login as `postgres://user:password@host`. The host in it counts for nothing.",
    ),
};

const optional = z
  .object({
    port: z.int().min(1).max(65_535).describe("Its port. A new one has 5432."),
    tlsMode: DbServerTlsMode.describe(
      "How connections to it are encrypted. A new one has VERIFY_FULL.",
    ),
    capacityHint: z
      .int()
      .min(0)
      .max(1_000_000)
      .describe("How many tenants it is meant to hold, 0 to 1000000. A new one has 1000."),
    labels: labels.describe(
      "What to note of it, at most 50; they take the place of all that were noted.",
    ),
  })
  .partial().shape;

/** A new db server. */
export const RegisterInput = z
  .strictObject({
    ...needed,
    port: optional.port.transform((port = 5432) => port),
    tlsMode: optional.tlsMode.transform((mode = "VERIFY_FULL") => mode),
    capacityHint: optional.capacityHint.transform((hint = 1_000) => hint),
    labels: optional.labels.transform((labels = {}) => labels),
    name: z
      .string()
      .regex(
        /^[a-z][a-z0-9-]{0,62}$/,
        "must be 1 to 63 characters of a-z, 0-9 and -, beginning with a letter",
      )
      .describe("Its name: 1 to 63 characters of a-z, 0-9 and -. It never changes."),
    kind: DbServerKind.default("POSTGRES").describe(
      "What kind of PostgreSQL it is; it never changes. For CITUS the secret names the coordinator's database, and tenants have isolation SCHEMA.",
    ),
  })
  .describe("The db server to add.");

/** A change of a db server: what is left out stays as it is. */
export const UpdateInput = z
  .strictObject({
    ...z.object(needed).partial().shape,
    ...optional,
    name: existing,
    ifVersion: ifVersionField,
  })
  .describe("The db server, and what to change.");
export type UpdateInput = z.infer<typeof UpdateInput>;

/** A change of a db server's status. */
export const StatusInput = z
  .strictObject({
    name: existing,
    status: DbServerStatus.describe("Whether it is to take new tenants."),
    reason: reasonField
      .nullable()
      .default(null)
      .describe("Why, 1 to 500 characters: kept in the audit trail."),
  })
  .describe("The db server, and its new status.");
