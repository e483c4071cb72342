import type { AuditRow } from "../audit/audit-event.entity.ts";
import { isGranted } from "../iam/grants.ts";
import type { UserView } from "../iam/users/user-view.ts";
import { DomainError } from "../kernel/domain-error.ts";
import { isId } from "../kernel/ids.ts";
import { fieldFault } from "../kernel/input.ts";
import type { Operation } from "../operations/engine/operation.entity.ts";
import type { DbServer } from "../placement/db-server.entity.ts";
import type { Tenant } from "../tenants/tenant.entity.ts";
import { builder } from "./builder.ts";
import type { ApiContext } from "./context.ts";

type NodeRow = Tenant | Operation | DbServer | AuditRow | UserView;

const MOST_NODES = 100;

export const NodeRef = builder.interfaceRef<NodeRow>("Node").implement({
  description:
    "Something with an id of its own. Ids are plain UUIDs, unique over all types: the same ones that logs, events and commands show.",
  resolveType: (row) => {
    if ("slug" in row) return "Tenant";
    if ("prevHash" in row) return "AuditEvent";
    if ("email" in row) return "PlatformUser";
    return "subjectName" in row ? "Operation" : "DbServer";
  },
  fields: (t) => ({
    id: t.exposeID("id", { description: "The UUID of this object." }),
  }),
});

builder.queryFields((t) => ({
  node: t.field({
    type: NodeRef,
    nullable: true,
    description: "Finds anything by its id, whatever its type; null when there is nothing.",
    authScopes: { action: "me:read" },
    args: { id: t.arg.id({ required: true, description: "The UUID of the object." }) },
    resolve: async (_root, { id }, context) => (await findNodes(context, [id]))[0] ?? null,
  }),
  nodes: t.field({
    type: [NodeRef],
    nullable: { list: false, items: true },
    description:
      "Finds many things by their ids, in the order of the ids, null where there is nothing. At most 100.",
    authScopes: { action: "me:read" },
    args: {
      ids: t.arg.idList({ required: true, description: "The UUIDs of the objects, at most 100." }),
    },
    resolve: (_root, { ids }, context) => findNodes(context, ids),
  }),
}));

/** Ids are plain UUIDs: the type is found by looking into each table that the caller may read. */
async function findNodes(
  { caller, load }: ApiContext,
  ids: readonly string[],
): Promise<(NodeRow | null)[]> {
  if (ids.length > MOST_NODES) throw fieldFault("ids", `must name at most ${MOST_NODES} objects`);
  const role = caller?.actor.role;
  if (role === undefined) throw new DomainError("E_UNAUTHENTICATED");
  const tables = [
    ...(isGranted(role, "tenant:read") ? [load.tenant] : []),
    ...(isGranted(role, "operation:read") ? [load.operation] : []),
    ...(isGranted(role, "db-server:read") ? [load.dbServer] : []),
    ...(isGranted(role, "audit:read") ? [load.auditEvent] : []),
    ...(isGranted(role, "platform-user:read") ? [load.platformUser] : []),
  ];
  return await Promise.all(
    ids.map(async (id) => {
      if (!isId(id)) return null;
      const rows = await Promise.all(tables.map((table) => table.load(id)));
      return rows.find((row) => row !== null) ?? null;
    }),
  );
}
