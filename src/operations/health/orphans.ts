import type { EntityManager } from "../../database/orm.ts";
import { isId } from "../../kernel/ids.ts";
import { rolesOf } from "../../tenants/names.ts";
import { parseSlug } from "../../tenants/slug.ts";
import { type Tenant, TenantEntity } from "../../tenants/tenant.entity.ts";
import { isScratchInUse } from "../migration-check/scratch.ts";
import type { ServerSurveys } from "./evidence.ts";
import type { Finding, Repair } from "./finding.ts";
import { type ServerSurvey, schemasOf } from "./server-survey.ts";

/** Something on a db server. */
export interface Thing {
  readonly kind: "schema" | "database" | "role";
  readonly name: string;
  readonly tenantId: string | null;
}

/** What bears one tenant's mark on one db server. */
export interface Marked {
  readonly tenantId: string;
  readonly serverId: string;
  /** Derived from the names; null where it cannot be. */
  readonly slug: string | null;
  readonly things: readonly Thing[];
}

/** What bears tenants' names or marks without being one of the surveyed tenants. */
export interface Strangers {
  /** Purged tenants of which something remains. */
  readonly purged: readonly Tenant[];
  /** Tenants that no row of the registry explains: provisioned after the dump that it was restored from. */
  readonly unknown: readonly Marked[];
  /** What bears a tenant's name and no mark; it is reported and never touched. */
  readonly unmarked: readonly Finding[];
}

/** Finds out whom the things belong to that none of the known tenants explains. */
export async function findStrangers(
  em: EntityManager,
  surveys: ServerSurveys,
  marked: ReadonlyMap<string, readonly Marked[]>,
  known: ReadonlySet<string>,
): Promise<Strangers> {
  const strange = [...marked.values()]
    .flat()
    .filter(({ tenantId }) => !known.has(tenantId) && !isScratchInUse(tenantId));
  const ids = new Set(strange.map(({ tenantId }) => tenantId).filter(isId));
  // Read after the survey: a tenant that came meanwhile is nobody's orphan.
  const registered = ids.size === 0 ? [] : await em.find(TenantEntity, { id: { $in: [...ids] } });
  const explained = new Set(registered.map(({ id }) => id));
  return {
    purged: registered.filter(({ status }) => status === "PURGED"),
    unknown: strange.filter(({ tenantId }) => !explained.has(tenantId)),
    unmarked: [...surveys.values()].flatMap((survey) =>
      survey instanceof Error
        ? []
        : thingsOf(survey)
            .filter(({ tenantId }) => tenantId === null)
            .map((thing) => orphan(`The ${inWords(thing)} bears no mark`)),
    ),
  };
}

/** What is found of a tenant that the registry does not know. */
export function orphanFinding({ tenantId, slug, things }: Marked): Finding {
  const what = things.length === 1 ? "was made for tenant" : "were made for tenant";
  const message = `The ${things.map(inWords).join(", ")} ${what} ${tenantId}, which is unknown`;
  if (slug === null || !isId(tenantId)) return orphan(message);
  return orphan(message, isWhole(things) ? ["ADOPT", "DROP"] : ["DROP"]);
}

/** Whether there is a place that tables can be in. */
export const isWhole = (things: readonly Thing[]): boolean =>
  things.some(({ kind }) => kind !== "role");

const orphan = (message: string, others: readonly Repair[] = []): Finding => ({
  code: "ORPHAN",
  message,
  repair: null,
  ...(others.length > 0 ? { others } : {}),
});

/** A thing as findings and the audit trail name it. */
export const inWords = ({ kind, name }: Thing): string => `${kind} ${name}`;

/** Everything that bears a tenant's mark, together for each tenant and server. */
export function markedOnServers(surveys: ServerSurveys, prefix: string): Marked[] {
  return [...surveys].flatMap(([serverId, survey]) => {
    if (survey instanceof Error) return [];
    const marked = thingsOf(survey).filter(({ tenantId }) => tenantId !== null);
    return [...Map.groupBy(marked, ({ tenantId }) => tenantId ?? "")].map(([tenantId, things]) => {
      const slug = things.map((thing) => slugOf(thing, prefix)).find((each) => each !== null);
      return { tenantId, serverId, slug: slug ?? null, things };
    });
  });
}

/**
 * Schemas of our databases, databases that we made, and roles that may enter them: other platforms may
 * share the server.
 */
function thingsOf(survey: ServerSurvey): Thing[] {
  const ours = <T extends { readonly belongs: boolean }>(all: ReadonlyMap<string, T>) =>
    [...all.values()].filter(({ belongs }) => belongs);
  const as =
    (kind: Thing["kind"]) =>
    ({ name, tenantId }: Omit<Thing, "kind">): Thing => ({ kind, name, tenantId });
  return [
    ...schemasOf(survey).map(as("schema")),
    ...ours(survey.own).map(as("database")),
    ...ours(survey.roles).map(as("role")),
  ];
}

/** The slug that a name was derived from: `namesOf` is injective. */
function slugOf({ kind, name }: Thing, prefix: string): string | null {
  const { ownerRole } = rolesOf("");
  const stem =
    kind === "database"
      ? after("tenant_", name)
      : kind === "schema"
        ? after(prefix, name)
        : name.endsWith(ownerRole)
          ? after(prefix, name.slice(0, -ownerRole.length))
          : null;
  const slug = stem?.replaceAll("_", "-") ?? null;
  if (slug === null) return null;
  try {
    return parseSlug(slug);
  } catch {
    return null;
  }
}

const after = (prefix: string, name: string): string | null =>
  name.startsWith(prefix) ? name.slice(prefix.length) : null;
