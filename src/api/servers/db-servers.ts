import type { InputFieldMap } from "@pothos/core";
import type { Actor } from "../../iam/actor.ts";
import { fieldFault } from "../../kernel/input.ts";
import type { DbServer } from "../../placement/db-server.entity.ts";
import { registerDbServer, setDbServerStatus, updateDbServer } from "../../placement/db-servers.ts";
import type { Platform } from "../../platform.ts";
import { builder } from "../builder.ts";
import { actorWith } from "../caller.ts";
import { answer, resultOf, ValidationErrorRef } from "../errors.ts";
import { typeName } from "../generate/mutation.ts";
import { given } from "../given.ts";
import { DbServerRef } from "../refs.ts";
import { DbServerKind, DbServerStatus, DbServerTlsMode } from "./placement.ts";

const LabelInput = builder.inputType("DbServerLabelInput", {
  description: "Something to note of a db server.",
  fields: (t) => ({
    key: t.string({
      required: true,
      description: "What is noted: 1 to 63 characters of a-z, 0-9 and `._/-`.",
    }),
    value: t.string({ required: true, description: "The note, 1 to 200 characters." }),
  }),
});

type FieldBuilder = Parameters<Parameters<typeof builder.inputType>[1]["fields"]>[0];

/** Fields that registering needs and updating may leave out. */
const addressFields = (t: FieldBuilder, required: boolean): InputFieldMap => ({
  region: t.string({
    required,
    description: "The region it stands in: 1 to 32 characters of a-z, 0-9 and -.",
  }),
  host: t.string({
    required,
    description:
      "Its host name or IP address; no URL, no socket path. DB_SERVER_HOSTS may limit which.",
  }),
  adminSecretRef: t.string({
    required,
    description:
      "The name of the secret that holds its admin's login as `postgres://user:password@host`. The host in it counts for nothing.",
  }),
});

const commonFields = (t: FieldBuilder): InputFieldMap => ({
  capacityHint: t.int({
    description: "How many tenants it is meant to hold, 0 to 1000000. A new one has 1000.",
  }),
  port: t.int({ description: "Its port. A new one has 5432." }),
  tlsMode: t.field({
    type: DbServerTlsMode,
    description: "How connections to it are encrypted. A new one has VERIFY_FULL.",
  }),
  labels: t.field({
    type: [LabelInput],
    description: "What to note of it, at most 50; they take the place of all that were noted.",
  }),
});

interface DbServerMutation {
  readonly name: string;
  readonly description: string;
  readonly input: string;
  readonly fields: (t: FieldBuilder) => InputFieldMap;
  readonly act: (platform: Platform, actor: Actor, request: unknown) => Promise<DbServer>;
}

interface Payload {
  readonly dbServer: DbServer;
}

/** Adds a mutation that changes one db server at once, without an operation. */
function dbServerMutation({ name, description, input, fields, act }: DbServerMutation): void {
  const payload = builder.objectRef<Payload>(typeName(name, "Payload")).implement({
    description: "The db server as it stands now.",
    fields: (t) => ({
      dbServer: t.expose("dbServer", {
        type: DbServerRef,
        description: "The db server as it stands now.",
      }),
    }),
  });
  const inputType = builder.inputType(typeName(name, "Input"), { description: input, fields });
  builder.mutationField(name, (t) =>
    t.field({
      type: resultOf<Payload>(typeName(name, "Result"), payload, [ValidationErrorRef]),
      description,
      authScopes: { action: "db-server:write" },
      args: { input: t.arg({ type: inputType, required: true, description: input }) },
      resolve: (_root, args, { platform, caller }) =>
        answer(async () => {
          const actor = actorWith(caller, "db-server:write");
          return { dbServer: await act(platform, actor, requestOf(args.input)) };
        }),
    }),
  );
}

type Labels = readonly { readonly key: string; readonly value: string }[];

function requestOf(input: object): Record<string, unknown> {
  const { labels, ...request } = given(input as { readonly labels?: Labels });
  return labels === undefined ? request : { ...request, labels: labelMap(labels) };
}

function labelMap(labels: Labels): Record<string, string> {
  const map = new Map(labels.map(({ key, value }) => [key, value]));
  if (map.size === labels.length) return Object.fromEntries(map);
  throw fieldFault("labels", "must have each key once");
}

const NAME = "The db server's name.";

dbServerMutation({
  name: "registerDbServer",
  description:
    "Adds a db server: enters it with its admin's secret, looks whether it is PostgreSQL 15 or newer, of the kind that is said, reached directly, with the rights that are needed, and prepares it. It takes tenants from then on. For administrators.",
  input: "The db server to add.",
  fields: (t) => ({
    name: t.string({
      required: true,
      description: "Its name: 1 to 63 characters of a-z, 0-9 and -. It never changes.",
    }),
    ...addressFields(t, true),
    ...commonFields(t),
    kind: t.field({
      type: DbServerKind,
      defaultValue: "POSTGRES",
      description:
        "What kind of PostgreSQL it is; it never changes. For CITUS the secret names the coordinator's database, and tenants have isolation SCHEMA.",
    }),
  }),
  act: registerDbServer,
});

dbServerMutation({
  name: "updateDbServer",
  description:
    "Changes a db server; what is left out stays. Where host, port, TLS or secret change, it is entered on the new way first. For administrators.",
  input: "The db server, and what to change.",
  fields: (t) => ({
    name: t.string({ required: true, description: NAME }),
    ...addressFields(t, false),
    ...commonFields(t),
  }),
  act: updateDbServer,
});

dbServerMutation({
  name: "setDbServerStatus",
  description:
    "Sets whether a db server takes new tenants; those that it has stay and go on working. One that is to be ACTIVE again is entered first. For administrators.",
  input: "The db server, and its new status.",
  fields: (t) => ({
    name: t.string({ required: true, description: NAME }),
    status: t.field({
      type: DbServerStatus,
      required: true,
      description: "Whether it is to take new tenants.",
    }),
    reason: t.string({ description: "Why, 1 to 500 characters: kept in the audit trail." }),
  }),
  act: setDbServerStatus,
});
