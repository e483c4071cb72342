import type { Started } from "../../operations/engine/start-operation.ts";
import type { ADMIN_CREDENTIALS, ProvisionRequest } from "../../operations/provision/input.ts";
import { startProvisioning } from "../../operations/provision-tenant.ts";
import { builder } from "../builder.ts";
import { actorWith } from "../caller.ts";
import { describedEnum } from "../described-enum.ts";
import {
  answer,
  OperationInProgressErrorRef,
  resultOf,
  SlugTakenErrorRef,
  ValidationErrorRef,
} from "../errors.ts";
import { given } from "../given.ts";
import { IDEMPOTENCY_KEY, startPayload } from "../operations/starts.ts";
import { IsolationRef, TierRef } from "./tenants.ts";

const AdminCredential = describedEnum<(typeof ADMIN_CREDENTIALS)[number]>(
  "AdminCredential",
  "How the first administrator is to get in.",
  {
    INVITATION: "By the link in an email, which asks for a password.",
    ONE_TIME_PASSWORD:
      "With a one-time password, which whoever asked for the tenant reveals once and hands over.",
  },
);

const ProvisionTenantInput = builder.inputType("ProvisionTenantInput", {
  description: "A new tenant.",
  fields: (t) => ({
    slug: t.string({
      required: true,
      description:
        "Its short name: 3 to 40 lower-case letters, digits and single inner hyphens, beginning with a letter. It becomes part of host and database names and never changes.",
    }),
    name: t.string({ required: true, description: "Its name, 1 to 200 characters." }),
    adminEmail: t.string({
      required: true,
      description: "The email of its first administrator, its owner.",
    }),
    adminName: t.string({ description: "The name of its first administrator." }),
    initialLaboratory: t.string({
      required: true,
      description: "The name of its first laboratory, 1 to 200 characters.",
    }),
    setupName: t.string({
      defaultValue: "default",
      description: "The name of the first laboratory's setup, by which it can be chosen later.",
    }),
    region: t.string({
      description: "The region to be placed in: `eu-central`. Left out, any region will do.",
    }),
    vertical: t.string({ description: "Its line of business, at most 60 characters." }),
    states: t.stringList({
      description: "The codes of the states it works in, such as `CA` or `US-CA`; at most 100.",
    }),
    tier: t.field({ type: TierRef, defaultValue: "STANDARD", description: "Its plan." }),
    timeZone: t.string({
      defaultValue: "UTC",
      description: "Its IANA time zone: `Europe/Berlin`.",
    }),
    supportEmail: t.string({ description: "Where its users ask for help." }),
    supportPhone: t.string({ description: "Where its users call for help: `+49 30 1234567`." }),
    requestedBy: t.string({
      description: "Who wants it, in your words: kept for later questions.",
    }),
    seeds: t.stringList({
      defaultValue: ["all"],
      description: "The seed sets to apply, by name; `all` is every set, and `[]` is none.",
    }),
    allowExistingUser: t.boolean({
      defaultValue: false,
      description:
        "Whether an identity that exists with the administrator's email is linked to the tenant. Otherwise it is refused with `E_OWNER_EXISTS`.",
    }),
    adminCredential: t.field({
      type: AdminCredential,
      defaultValue: "INVITATION",
      description: "How the first administrator is to get in.",
    }),
    isolation: t.field({
      type: IsolationRef,
      defaultValue: "SCHEMA",
      description: "Where the tenant's schema is to lie.",
    }),
    dbServer: t.string({
      description:
        "The name of the db server to be placed on. Left out, the least loaded one of the region is chosen. Given together with `region`, it must stand there.",
    }),
    dryRun: t.boolean({
      required: true,
      defaultValue: false,
      description: "Whether only to say what would be made, and to write nothing.",
    }),
    idempotencyKey: t.string({ description: IDEMPOTENCY_KEY }),
  }),
});

const ProvisionPayload = startPayload(
  "ProvisionTenantPayload",
  "The operation that provisions the tenant, and the tenant, whose slug is taken from now on.",
);

const ProvisionTenantResult = resultOf<Started>("ProvisionTenantResult", ProvisionPayload, [
  ValidationErrorRef,
  SlugTakenErrorRef,
  OperationInProgressErrorRef,
]);

type Input = typeof ProvisionTenantInput.$inferInput;

const requestOf = ({ dryRun: _dryRun, idempotencyKey: _key, ...input }: Input): ProvisionRequest =>
  given(input) as unknown as ProvisionRequest;

builder.mutationField("provisionTenant", (t) =>
  t.field({
    type: ProvisionTenantResult,
    description:
      "Makes a tenant: chooses a db server, stores its secret, creates its schema and roles, applies migrations and seeds, verifies it and invites its first administrator. Provisioning a FAILED slug again is a retry.",
    authScopes: { action: "tenant:provision" },
    args: {
      input: t.arg({ type: ProvisionTenantInput, required: true, description: "The tenant." }),
    },
    resolve: (_root, { input }, { platform, caller }) =>
      answer(() =>
        startProvisioning(platform, actorWith(caller, "tenant:provision"), requestOf(input), {
          dryRun: input.dryRun,
          idempotencyKey: input.idempotencyKey ?? null,
        }),
      ),
  }),
);
