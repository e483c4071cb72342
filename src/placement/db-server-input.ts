import { z } from "zod";
import { lineField, reasonField } from "../kernel/input.ts";
import { DB_SERVER_KINDS, DB_SERVER_STATUSES, TLS_MODES } from "./db-server.entity.ts";
import { isHost } from "./host-rules.ts";

const name = z
  .string()
  .regex(
    /^[a-z][a-z0-9-]{0,62}$/,
    "must be 1 to 63 characters of a-z, 0-9 and -, beginning with a letter",
  );

const LABEL_KEY =
  "the key must be 1 to 63 characters of a-z, 0-9 and ._/-, beginning with a letter or digit";

const fields = {
  region: z
    .string()
    .regex(
      /^[a-z][a-z0-9-]{0,31}$/,
      "must be 1 to 32 characters of a-z, 0-9 and -, beginning with a letter",
    ),
  host: z
    .string()
    .max(254)
    .transform((host) => host.toLowerCase().replace(/\.$/, ""))
    .refine(isHost, "must be a host name or an IP address"),
  port: z.int().min(1).max(65_535),
  tlsMode: z.enum(TLS_MODES),
  capacityHint: z.int().min(0).max(1_000_000),
  adminSecretRef: z
    .string()
    .regex(/^[0-9A-Za-z-]{1,127}$/, "must be 1 to 127 letters, digits and hyphens"),
  labels: z
    .record(z.string().regex(/^[a-z0-9][a-z0-9._/-]{0,62}$/), lineField(200), {
      error: ({ code }) => (code === "invalid_key" ? LABEL_KEY : undefined),
    })
    .refine((labels) => Object.keys(labels).length <= 50, "must have at most 50 entries"),
};

/** A new db server. */
export const RegisterInput = z.strictObject({
  ...fields,
  name,
  port: fields.port.default(5432),
  tlsMode: fields.tlsMode.default("VERIFY_FULL"),
  kind: z.enum(DB_SERVER_KINDS).default("POSTGRES"),
  capacityHint: fields.capacityHint.default(1_000),
  labels: fields.labels.default({}),
});
export type RegisterInput = z.infer<typeof RegisterInput>;

/** A change of a db server: what is left out stays as it is. */
export const UpdateInput = z.strictObject({
  name: z.string().max(63),
  ...z.object(fields).partial().shape,
});
export type UpdateInput = z.infer<typeof UpdateInput>;

/** A change of a db server's status. */
export const StatusInput = z.strictObject({
  name: z.string().max(63),
  status: z.enum(DB_SERVER_STATUSES),
  reason: reasonField.nullable().default(null),
});
