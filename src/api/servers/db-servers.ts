import type { z } from "zod";
import type { Actor } from "../../iam/actor.ts";
import type { DbServer } from "../../placement/db-server.entity.ts";
import { RegisterInput, StatusInput, UpdateInput } from "../../placement/db-server-input.ts";
import { registerDbServer, setDbServerStatus, updateDbServer } from "../../placement/db-servers.ts";
import type { Platform } from "../../platform.ts";
import { builder } from "../builder.ts";
import { actorOf } from "../caller.ts";
import { ValidationErrorRef } from "../errors.ts";
import { addMutation, typeName } from "../generate/mutation.ts";
import { type Replay, recalled } from "../idempotency.ts";
import { DbServerRef } from "../refs.ts";

interface DbServerMutation {
  readonly name: string;
  readonly description: string;
  readonly input: z.ZodObject;
  readonly once?: Replay<Payload>;
  readonly act: (platform: Platform, actor: Actor, request: unknown) => Promise<DbServer>;
}

interface Payload {
  readonly dbServer: DbServer;
}

const AS_IT_STANDS = "The db server as it stands now.";

/** Adds a mutation that changes one db server at once, without an operation. */
const dbServerMutation = ({ act, ...mutation }: DbServerMutation): void =>
  addMutation<Payload>({
    ...mutation,
    grant: "db-server:write",
    payload: builder.objectRef<Payload>(typeName(mutation.name, "Payload")).implement({
      description: AS_IT_STANDS,
      fields: (t) => ({
        dbServer: t.expose("dbServer", { type: DbServerRef, description: AS_IT_STANDS }),
      }),
    }),
    errors: [ValidationErrorRef],
    act: async (request, context) => ({
      dbServer: await act(context.platform, actorOf(context), request),
    }),
  });

dbServerMutation({
  name: "registerDbServer",
  description:
    "Adds a db server: enters it with its admin's secret, looks whether it is PostgreSQL 15 or newer, of the kind that is said, reached directly, with the rights that are needed, and prepares it. It takes tenants from then on. For administrators.",
  input: RegisterInput,
  once: {
    keep: ({ dbServer: { id } }) => ({ id }),
    recall: async ({ id }: { id: string }, { load }) => ({
      dbServer: recalled(await load.dbServer.load(id), "E_DB_SERVER_NOT_FOUND"),
    }),
    slow: true,
  },
  act: registerDbServer,
});

dbServerMutation({
  name: "updateDbServer",
  description:
    "Changes a db server; what is left out stays. Where host, port, TLS or secret change, it is entered on the new way first. For administrators.",
  input: UpdateInput,
  act: updateDbServer,
});

dbServerMutation({
  name: "setDbServerStatus",
  description:
    "Sets whether a db server takes new tenants; those that it has stay and go on working. One that is to be ACTIVE again is entered first. For administrators.",
  input: StatusInput,
  act: setDbServerStatus,
});
