import type { EntityManager, Orm } from "../../database/orm.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { MigrationSettings } from "../../migration-folders/migration-source.ts";
import { processesAlive } from "../../placement/connection-room.ts";
import type { SecretStore } from "../../secrets/secret-store.ts";
import type { SeedSettings } from "../../seeding/seed-folder.ts";
import { limitsOf, type TierLimits } from "../../tenants/limits.ts";
import { findTenant, tenantNotFound } from "../../tenants/registry.ts";
import { type Tenant, TenantEntity } from "../../tenants/tenant.entity.ts";
import { askedForNoLaboratory } from "../readiness/missing-organization.ts";
import { type ActiveOperation, activeOperations, findingOf } from "./active-operations.ts";
import { changedSince, databaseTime } from "./changes.ts";
import { diagnose, type Evidence } from "./diagnose.ts";
import {
  type Inside,
  readSecrets,
  type SecretState,
  surveyInside,
  surveyTargets,
  tryLogin,
} from "./evidence.ts";
import type { Finding } from "./finding.ts";
import { historyFindings } from "./history/history-findings.ts";
import { lateRemains } from "./late-secrets.ts";
import { type HealthLook, looksOf } from "./looks.ts";
import { findStrangers, type Marked, markedOnServers, orphanFinding } from "./orphans.ts";
import { type OwnFolder, ownFolder, processFindings } from "./processes.ts";
import { surveyServers, withServers } from "./server-survey.ts";

/** What examining tenants needs. */
export interface HealthPorts {
  readonly orm: Orm;
  readonly secrets: SecretStore;
  readonly clock: Clock;
  readonly config: {
    readonly dataDir: string;
    readonly tenantSchemaPrefix: string;
    readonly tenantMigrations: MigrationSettings;
    readonly tenantSeeds: SeedSettings;
    readonly secretNameTemplate: string;
    readonly tenantLimits: TierLimits;
  };
}

/** What was examined of a tenant, and what was found. */
export interface TenantHealth {
  /** Null for what belongs to no tenant that the registry knows: orphans on the db servers, lost dry runs, processes. */
  readonly tenant: Tenant | null;
  /** The slug, also of a tenant that the registry does not know, as far as it is known. */
  readonly slug: string | null;
  /** What bears the mark of one that has no place by the registry: unknown, FAILED or PURGED. */
  readonly marked: readonly Marked[];
  /** Whether nothing was found; it says nothing of what was not examined. */
  readonly healthy: boolean;
  readonly findings: readonly Finding[];
  readonly looked: readonly HealthLook[];
  /** The operation that works on it; nothing but the operation is judged while there is one. */
  readonly operation: ActiveOperation | null;
}

interface HealthOptions {
  readonly slug?: string | undefined;
  /**
   * Also asks the secret store, reads the schemas' own ledgers and searches for INVALID indexes; for one
   * tenant also logs in as its application. Without it only schemas, databases and roles are surveyed.
   */
  readonly deep?: boolean;
}

/**
 * Finds what contradicts what the registry says of tenants: the one of the slug, or all that
 * are not purged. Changes nothing, and compares no tables. Examining all of them takes a few catalog
 * queries for each db server, and a few for each 25 tenants where it is deep.
 *
 * @throws DomainError E_TENANT_NOT_FOUND
 */
export async function tenantHealth(
  ports: HealthPorts,
  { slug, deep = true }: HealthOptions = {},
): Promise<TenantHealth[]> {
  const em = ports.orm.em.fork();
  const since = await databaseTime(em);
  const one = slug === undefined ? null : await findTenant(em, { slug });
  // What the registry does not know may still be found by its marks.
  if (slug !== undefined && one === null) return await strangersCalled(ports, slug, deep);
  const tenants = one
    ? [one]
    : await em.find(
        TenantEntity,
        { status: { $ne: "PURGED" } },
        { orderBy: { slug: "asc" }, disableIdentityMap: true },
      );
  const operations = await activeOperations(em, { subjectId: one?.id ?? null });
  const busy = new Map(operations.map((operation) => [operation.subjectId, operation]));
  const quiet = tenants.filter(({ id }) => !busy.has(id));
  const scope = { known: tenants, quiet, alone: one !== null, deep };
  const folder = await ownFolder(ports.config.tenantMigrations);
  const { seen, strangers, marked } = await diagnoseQuiet(ports, em, scope, folder);
  const stale = await changedSince(ports.orm.em.fork(), since);
  const ofTenants = tenants.map((tenant): TenantHealth => {
    const operation = busy.get(tenant.id) ?? null;
    const { findings = [], looked = [] } = seen.get(tenant.id) ?? {};
    const found = operation ? [findingOf(operation)] : findings;
    // What changed meanwhile is judged the next time.
    const kept = operation || !stale.has(tenant.id) ? found.filter((each) => each !== null) : [];
    const looks = operation ? (["STATUS", "OPERATION"] as const) : looked;
    return {
      tenant,
      slug: tenant.slug,
      operation,
      marked: marked.get(tenant.id) ?? [],
      healthy: kept.length === 0,
      findings: kept,
      looked: looks,
    };
  });
  const general =
    one === null
      ? [...(await historyFindings(ports)), ...(await processFindings(ports.orm.em.fork(), folder))]
      : [];
  const ofService = general.length > 0 ? [ill(null, general)] : [];
  return [...ofTenants, ...strangers, ...ofService, ...lostDryRuns(operations)];
}

/** What is found of a tenant that the registry does not know, by its slug. */
async function strangersCalled(
  ports: HealthPorts,
  slug: string,
  deep: boolean,
): Promise<TenantHealth[]> {
  const found = (await tenantHealth(ports, { deep })).filter(
    (each) => each.slug === slug && each.marked.length > 0,
  );
  if (found.length === 0) throw tenantNotFound(slug);
  return found;
}

interface Scope {
  readonly known: readonly Tenant[];
  readonly quiet: readonly Tenant[];
  readonly alone: boolean;
  readonly deep: boolean;
}

/** Surveys the servers, and says what is wrong with the tenants on which nothing works. */
async function diagnoseQuiet(
  { secrets, clock, config }: HealthPorts,
  em: EntityManager,
  { known, quiet, alone, deep }: Scope,
  { migrations }: OwnFolder,
) {
  return await withServers(secrets, async (servers) => {
    // One that is placed is searched for where it is; what remains of another may be anywhere.
    const [first] = alone ? known : [];
    const everywhere = await surveyTargets(em, known);
    const targets = everywhere.filter(
      ({ server }) => (first?.dbServerId ?? server.id) === server.id,
    );
    const processes = await processesAlive(em);
    const surveys = await surveyServers(servers, targets, config.tenantSchemaPrefix);
    const marked = Map.groupBy(
      markedOnServers(surveys, config.tenantSchemaPrefix),
      ({ tenantId }) => tenantId,
    );
    const gone = deep && !alone ? await lateRemains(em) : [];
    const seenSecrets = deep
      ? await readSecrets(secrets, [...quiet, ...gone])
      : new Map<string, SecretState>();
    const insides = deep
      ? await surveyInside(servers, targets, surveys, quiet)
      : new Map<string, Inside>();
    const bare = [...insides].filter(([, { laboratories }]) => laboratories?.laboratories === 0);
    const withoutLaboratory = await askedForNoLaboratory(
      em,
      bare.map(([id]) => id),
    );
    const login =
      first?.status === "ACTIVE" && deep ? await tryLogin(em, secrets, first) : undefined;
    const evidenceOf = (tenant: Tenant): Evidence => ({
      survey: tenant.dbServerId === null ? undefined : surveys.get(tenant.dbServerId),
      marked: marked.get(tenant.id) ?? [],
      secret: seenSecrets.get(tenant.id),
      inside: insides.get(tenant.id),
      wantsNoLaboratory: withoutLaboratory.has(tenant.id),
      limits: limitsOf(config.tenantLimits, tenant),
      processes,
      login,
      migrations,
      now: clock(),
    });
    const seen = new Map(
      quiet.map((tenant) => {
        const evidence = evidenceOf(tenant);
        const findings = diagnose(tenant, evidence);
        return [tenant.id, { findings, looked: looksOf(tenant, evidence) }];
      }),
    );
    const strangers = alone
      ? null
      : await findStrangers(em, surveys, marked, new Set(known.map(({ id }) => id)));
    const ghosts = [...(strangers?.purged ?? []), ...gone];
    const purged = [...new Map(ghosts.map((tenant) => [tenant.id, tenant])).values()]
      .map((tenant) => ({
        ...ill(tenant, diagnose(tenant, evidenceOf(tenant))),
        marked: marked.get(tenant.id) ?? [],
      }))
      .filter(({ healthy }) => !healthy);
    const unknown = (strangers?.unknown ?? []).map((each) => ({
      ...ill(null, [orphanFinding(each)]),
      slug: each.slug,
      marked: [each],
    }));
    const unmarked = strangers?.unmarked ?? [];
    return {
      seen,
      marked,
      strangers: [...purged, ...unknown, ...(unmarked.length > 0 ? [ill(null, unmarked)] : [])],
    };
  });
}

const ill = (tenant: Tenant | null, findings: readonly Finding[]): TenantHealth => ({
  tenant,
  slug: tenant?.slug ?? null,
  findings,
  operation: null,
  looked: [],
  marked: [],
  healthy: findings.length === 0,
});

/** Dry runs have no tenant; one that was lost is a finding by itself. */
const lostDryRuns = (operations: readonly ActiveOperation[]): TenantHealth[] =>
  operations
    .filter(({ subjectId }) => subjectId === null)
    .flatMap((operation) => {
      const found = findingOf(operation);
      return found ? [{ ...ill(null, [found]), slug: operation.subjectName, operation }] : [];
    });
