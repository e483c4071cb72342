import type { AuditRow } from "../../audit/audit-event.entity.ts";
import { AUDIT_EVENT_TYPES, type AuditEventType } from "../../audit/events.ts";
import { type AuditFilter, listAuditEvents } from "../../audit/list.ts";
import { AUDIT_ACTOR_KINDS } from "../../audit/record.ts";
import type { EntityManager } from "../../database/orm.ts";
import { authorize } from "../../iam/grants.ts";
import { runOnPlatform } from "../session.ts";
import { EXIT } from "../terminal/exit-codes.ts";
import { firstRows } from "../terminal/first-rows.ts";
import { givenFields, limitOf, listOf, momentOf, oneOf } from "../terminal/flag-values.ts";
import { writeTable } from "../terminal/table.ts";

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
  const limit = limitOf(flags.limit);
  const filter = filterOf(flags);
  return await runOnPlatform(flags, async ({ platform, actor, out }) => {
    authorize(actor, "audit:read");
    const em = platform.orm.em.fork() as EntityManager;
    const { rows, more } = await firstRows(limit, (page) => listAuditEvents(em, filter, page));
    if (flags.json) for (const row of rows) out.json({ ...row, sequence: Number(row.sequence) });
    else if (rows.length === 0) out.note("No audit events.");
    else
      writeTable(
        out,
        ["SEQUENCE", "AT", "TYPE", "TENANT", "ACTOR", "ADDRESS", "DETAIL"],
        rows.map(cellsOf),
      );
    if (more) out.note(`There are more than ${limit}: raise --limit, filter, or export.`);
    return EXIT.ok;
  });
}

function filterOf(flags: AuditListFlags): AuditFilter {
  const { type, slug, tenantId, actorKind, actor, operation, address, since, until } = flags;
  const types = Object.keys(AUDIT_EVENT_TYPES) as AuditEventType[];
  return givenFields({
    ...{ slug, tenantId, actorId: actor, operationId: operation, address },
    types: listOf(type)?.map((word) => oneOf("--type", word, types)),
    actorKind: oneOf("--actor-kind", actorKind, AUDIT_ACTOR_KINDS),
    since: momentOf("--since", since),
    until: momentOf("--until", until),
  });
}

const cellsOf = (row: AuditRow): string[] => [
  String(row.sequence),
  row.at.toISOString().slice(0, 19).replace("T", " "),
  row.type,
  row.tenantSlug ?? "",
  row.actorName,
  row.address ?? "",
  JSON.stringify(row.detail),
];
