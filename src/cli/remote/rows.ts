import type {
  CommandFindTenantQuery,
  CommandOperationFragment,
  CommandTenantFragment,
  OperationProgressSubscription,
} from "../../client/generated/graphql.ts";
import type { EventBody } from "../../operations/engine/operation.entity.ts";
import type { ShownEvent, ShownOperation, ShownTenant, TenantDetails } from "../backend.ts";

const dateOf = (text: string | null): Date | null => (text === null ? null : new Date(text));

/** An operation as commands show it; `input` is what is known of what was asked for. */
export function operationOf(
  row: CommandOperationFragment,
  input: Readonly<Record<string, unknown>>,
): ShownOperation {
  const { id, kind, state, dryRun, slug, tenant, error, requestedBy, retryOf, result } = row;
  return {
    ...{ id, kind, state, dryRun, error, subjectName: slug, subjectId: tenant?.id ?? null },
    input: { adminEmail: tenant?.adminEmail, ...input },
    result: result && resultOf(result),
    actorKind: requestedBy.kind,
    actorId: requestedBy.id,
    actorName: requestedBy.name,
    retryOf: retryOf?.id ?? null,
    createdAt: new Date(row.createdAt),
    startedAt: dateOf(row.startedAt),
    finishedAt: dateOf(row.finishedAt),
  };
}

/** A result in the form in which the platform keeps it, which differs from the API's for provisioning. */
function resultOf(row: NonNullable<CommandOperationFragment["result"]>): Record<string, unknown> {
  const { __typename: type, ...result } = row;
  if (type === "ProvisionPlan") return { plan: result };
  if (type === "ProvisionSummary") return { summary: result };
  return result;
}

type EventRow = OperationProgressSubscription["operationEvents"];

/** A line of an operation's journal as commands show it. */
export function eventOf(operationId: string, row: EventRow): ShownEvent {
  return { operationId, sequence: row.sequence, at: new Date(row.at), body: bodyOf(row) };
}

function bodyOf(row: EventRow): EventBody {
  switch (row.__typename) {
    case "OperationStateChanged":
      return { type: "OPERATION_STATE", state: row.operationState, error: row.error };
    case "PhaseStateChanged": {
      const { phase, phaseState: state, note, attempt, error } = row;
      return { type: "PHASE_STATE", phase, state, note, attempt, error };
    }
    case "PhaseProgressed": {
      const { phase, completed, total, message } = row;
      return { type: "PHASE_PROGRESS", phase, completed, total, message };
    }
  }
}

/** A tenant as commands show it. */
export function tenantOf(row: CommandTenantFragment): ShownTenant {
  const { oldLoginOpenUntil, ...facts } = row;
  return {
    ...facts,
    offboardedFrom: facts.offboardedFrom as ShownTenant["offboardedFrom"],
    createdAt: new Date(row.createdAt),
    updatedAt: new Date(row.updatedAt),
    activatedAt: dateOf(row.activatedAt),
    purgeAfter: dateOf(row.purgeAfter),
    lockedAt: dateOf(row.lockedAt),
    credentialsRotatedAt: dateOf(row.credentialsRotatedAt),
    retiringUntil: dateOf(oldLoginOpenUntil),
    // The API does not name it.
    retiringRole: null,
  };
}

/** One tenant with its details, as commands show it. */
export function detailsOf(row: NonNullable<CommandFindTenantQuery["tenant"]>): TenantDetails {
  const { dbServer, clusterPlace: place, operations, ...facts } = row;
  const newest = (operations?.nodes ?? []).map(({ createdAt, ...operation }) => ({
    ...operation,
    createdAt: new Date(createdAt),
  }));
  return {
    ...tenantOf(facts),
    dbServer: dbServer?.name ?? null,
    clusterPlace: place && { ...place, node: place.node && nodeName(place.node) },
    operations: newest,
  };
}

/** A node by its address, or, for whoever may not read that, by its number. */
const nodeName = ({
  host,
  port,
  group,
}: {
  host: string | null;
  port: number | null;
  group: number;
}) => (host === null ? `node ${group}` : `${host}:${port}`);
