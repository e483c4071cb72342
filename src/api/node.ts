import { type Action, isGranted } from "../iam/grants.ts";
import * as serviceTokens from "../iam/tokens/service-token-view.ts";
import { SigningKeyEntity } from "../iam/tokens/signing-key.entity.ts";
import * as signingKeys from "../iam/tokens/signing-key-view.ts";
import { viewOf } from "../iam/users/user-view.ts";
import { invitationsShown, membersShown } from "../invitations/people.ts";
import { DomainError } from "../kernel/domain-error.ts";
import { isId } from "../kernel/ids.ts";
import { fieldFault } from "../kernel/input.ts";
import { builder } from "./builder.ts";
import type { ApiContext } from "./context.ts";
import { peoplePortsOf } from "./tenants/people-ports.ts";

/** Whatever has an id of its own. */
interface NodeRow {
  readonly id: string;
}

interface NodeType {
  readonly name: string;
  /** The action of the grants table without which nothing of this type is found. */
  readonly needs: Action;
  find(context: ApiContext, id: string): Promise<NodeRow | null>;
}

/** Every type that `node` finds: ids are UUIDs, those of signing keys aside. */
const TYPES: readonly NodeType[] = [
  { name: "Tenant", needs: "tenant:read", find: ({ load }, id) => load.tenant.load(id) },
  { name: "Operation", needs: "operation:read", find: ({ load }, id) => load.operation.load(id) },
  { name: "DbServer", needs: "db-server:read", find: ({ load }, id) => load.dbServer.load(id) },
  { name: "AuditEvent", needs: "audit:read", find: ({ load }, id) => load.auditEvent.load(id) },
  {
    name: "PlatformUser",
    needs: "platform-user:read",
    find: async ({ load }, id) => mapped(await load.platformUser.load(id), viewOf),
  },
  {
    name: "ServiceToken",
    needs: "service-token:read",
    find: async ({ load, platform }, id) =>
      mapped(await load.serviceToken.load(id), (token) =>
        serviceTokens.shownAt(token, platform.clock()),
      ),
  },
  {
    name: "TenantInvitation",
    needs: "member:read",
    find: async (context, id) => {
      const found = await context.load.invitation.load(id);
      return found && ((await invitationsShown(peoplePortsOf(context), [found]))[0] ?? null);
    },
  },
  {
    name: "TenantMember",
    needs: "member:read",
    find: async (context, id) => {
      const found = await context.load.membership.load(id);
      return found && ((await membersShown(peoplePortsOf(context), [found]))[0] ?? null);
    },
  },
  { name: "Identity", needs: "member:read", find: ({ load }, id) => load.identity.load(id) },
];

const SIGNING_KEY: NodeType = {
  name: "SigningKey",
  needs: "signing-key:read",
  find: async ({ em, platform }, id) => {
    const found = await em().findOne(SigningKeyEntity, { id, purpose: "ACCESS" });
    return mapped(found, (key) => signingKeys.shownAt(key, platform.clock()));
  },
};

const mapped = <Row, Shown>(row: Row | null, show: (row: Row) => Shown): Shown | null =>
  row === null ? null : show(row);

/** The types of what was found: a row does not tell. */
const typeNames = new WeakMap<NodeRow, string>();

const MOST_NODES = 100;

export const NodeRef = builder.interfaceRef<NodeRow>("Node").implement({
  description:
    "Something with an id of its own, unique over all types: the same one that logs, events and commands show. A plain UUID, that of a signing key aside.",
  resolveType: (row) => typeNames.get(row),
  fields: (t) => ({
    id: t.exposeID("id", { description: "The id of this object." }),
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

/** The type of an id is found by looking into each table that the caller may read. */
async function findNodes(context: ApiContext, ids: readonly string[]): Promise<(NodeRow | null)[]> {
  if (ids.length > MOST_NODES) throw fieldFault("ids", `must name at most ${MOST_NODES} objects`);
  const role = context.caller?.actor.role;
  if (role === undefined) throw new DomainError("E_UNAUTHENTICATED");
  const readable = (type: NodeType) => isGranted(role, type.needs);
  return await Promise.all(
    ids.map(async (id) => {
      const types = (isId(id) ? TYPES : [SIGNING_KEY]).filter(readable);
      const found = await Promise.all(types.map((type) => type.find(context, id)));
      const index = found.findIndex((row) => row !== null);
      const row = found[index] ?? null;
      if (row !== null) typeNames.set(row, types[index]?.name ?? "");
      return row;
    }),
  );
}
