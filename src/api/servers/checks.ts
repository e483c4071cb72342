import type { ObjectRef } from "@pothos/core";
import { type CheckedServer, ServerCheck } from "../../placement/check-server.ts";
import { type BuilderTypes, builder } from "../builder.ts";
import { objectOf } from "../generate/types.ts";
import { DbServerRef } from "../refs.ts";

const CheckRef = objectOf(ServerCheck) as ObjectRef<BuilderTypes, CheckedServer>;

builder.objectField(CheckRef, "dbServer", (t) =>
  t.expose("server", { type: DbServerRef, description: "The db server." }),
);

builder.queryField("dbServerChecks", (t) =>
  t.field({
    type: [CheckRef],
    description:
      "Enters db servers and looks whether tenants can be made there; changes nothing. Opens some connections to each, and costs five hundred of a request's objects. What is found names hosts and databases, so it is for roles that may provision.",
    authScopes: { action: "tenant:provision" },
    args: {
      name: t.arg.string({ description: "The db server's name; all when left out." }),
    },
    extensions: { cost: 500 },
    resolve: (_root, { name }, { load }) => load.serverChecks(name ?? undefined),
  }),
);
