import { AuditEventType } from "../../audit/events.ts";
import type { CommandAuditEventFragment } from "../../client/generated/graphql.ts";
import { ActorKind } from "../../kernel/actor-view.ts";
import { firstNodes } from "../api/api.ts";
import { runAnywhere } from "../session.ts";
import { EXIT } from "../terminal/exit-codes.ts";
import { givenFields, limitOf, listOf, momentOf, oneOf } from "../terminal/flag-values.ts";
import { secondOf, writeTable } from "../terminal/table.ts";
import { ListAuditEvents } from "./documents.ts";

/** The flags of `audit list`. */
export interface AuditListFlags {
  readonly type?: string;
  readonly slug?: string;
  readonly tenantId?: string;
  readonly actorKind?: string;
  readonly actor?: string;
  readonly operation?: string;
  readonly address?: string;
  readonly since?: string;
  readonly until?: string;
  readonly limit: string;
  readonly json?: boolean;
}

/** `tenantry audit list`: the newest facts first. */
export async function listAudit(flags: AuditListFlags): Promise<void> {
  const limit = limitOf(flags);
  const filter = filterOf(flags);
  return await runAnywhere(flags, async ({ api, out }) => {
    const { nodes, more } = await firstNodes(limit, async (page) => {
      return (await api.execute(ListAuditEvents, { filter, ...page })).auditEvents;
    });
    if (flags.json) for (const event of nodes) out.json(eventJson(event));
    else if (nodes.length === 0) out.note("No audit events.");
    else
      writeTable(
        out,
        ["SEQUENCE", "AT", "TYPE", "TENANT", "ACTOR", "ADDRESS", "DETAIL"],
        nodes.map(cellsOf),
      );
    if (more) out.note(`There are more than ${limit}: raise --limit, filter, or export.`);
    return EXIT.ok;
  });
}

function filterOf(flags: AuditListFlags) {
  const { type, slug, tenantId, actorKind, actor, operation, address, since, until } = flags;
  return givenFields({
    slug,
    tenantId,
    actorId: actor,
    operationId: operation,
    address,
    types: listOf(type)?.map((word) => oneOf("--type", word, AuditEventType.options)),
    actorKind: oneOf("--actor-kind", actorKind, ActorKind.options),
    since: momentOf("--since", since)?.toISOString(),
    until: momentOf("--until", until)?.toISOString(),
  });
}

const cellsOf = (event: CommandAuditEventFragment): string[] => [
  ...[event.sequence, secondOf(event.at), event.type, event.slug ?? "", event.actor.name],
  ...[event.address ?? "", JSON.stringify(event.detail)],
];

/** An event as scripts read it. */
function eventJson({ actor, tenant, slug, operation, ...event }: CommandAuditEventFragment) {
  const { id, sequence, at, type, address, detail, prevHash, hash } = event;
  return {
    id,
    sequence: Number(sequence),
    at,
    type,
    actorKind: actor.kind,
    actorId: actor.id,
    actorName: actor.name,
    address,
    tenantId: tenant?.id ?? null,
    tenantSlug: slug,
    operationId: operation?.id ?? null,
    detail,
    prevHash,
    hash,
  };
}
