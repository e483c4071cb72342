import { z } from "zod";
import { type Described, describedEnum, describedObject } from "../../kernel/described.ts";
import { isDomainError } from "../../kernel/domain-error.ts";
import { listed } from "../../kernel/labelled.ts";
import { type DbServer, DbServerEntity } from "../../placement/db-server.entity.ts";
import { findLeftovers } from "../../tenant-schemas/leftovers.ts";
import type { Tenant } from "../../tenants/tenant.entity.ts";
import { inSharedDatabase } from "../site/databases.ts";
import { removeTenantSchema } from "../site/schema.ts";
import { namesOfTenant, siteOfTenant, tokenOf } from "../site/site.ts";
import type { TenantPorts } from "../tenant-ports.ts";
import type { TenantRun } from "../tenant-run.ts";
import { refuseOldDeletion } from "./lost-history.ts";

const RemainKind = describedEnum("RemainKind", "What kind of thing it is.", {
  SCHEMA: "A schema.",
  OWNER_ROLE: "The PostgreSQL role that owns a schema.",
  APP_ROLE: "The PostgreSQL role that an application logs in as.",
  GROUP_ROLE: "The PostgreSQL role that may connect to the tenant's own database.",
  DATABASE: "The tenant's own database, with the schema in it.",
  SECRET: "A secret in the secret store.",
});

/** Something outside the platform's tables that bears one of a tenant's names. */
export const Remain = describedObject(
  "TenantRemain",
  "Something outside the registry that bears one of a tenant's names.",
  {
    kind: RemainKind.describe("What kind of thing it is."),
    name: z.string().meta({
      description: "Its name; that of a secret is null for roles without `secret-name:read`.",
      needs: "secret-name:read",
      protects: ({ kind }: { readonly kind: string }) => kind === "SECRET",
    }),
    server: z
      .string()
      .nullable()
      .describe("The name of the db server that it is on; null for a secret."),
    ours: z
      .boolean()
      .describe("Whether it was made for this tenant; what was not is never touched."),
  },
);
export type Remain = Described<typeof Remain>;

export interface Remains {
  readonly found: readonly Remain[];
  /** Db servers that could not be searched. */
  readonly unsearched: readonly string[];
}

type RemainsPorts = Pick<TenantPorts, "orm" | "servers" | "secrets">;
type AnyRun = TenantRun<unknown, unknown>;

/** A remain as the audit trail names it. */
export const inWords = ({ kind, name }: Remain): string => `${kind} ${name}`;

/** Remains for a person. */
export const remainsShown = (remains: readonly Remain[]): string =>
  listed(
    remains.map(
      // A secret's name is null for whoever may not read it.
      ({ kind, name, ours }) =>
        `${kind}${name === null ? "" : ` ${name}`}${ours ? "" : " (not ours)"}`,
    ),
  );

/** What of `before` is not there `now`. */
export const goneSince = (before: readonly Remain[], now: readonly Remain[]): Remain[] => {
  const key = ({ kind, name, server }: Remain) => JSON.stringify([kind, name, server]);
  const there = new Set(now.map(key));
  return before.filter((remain) => !there.has(key(remain)));
};

/**
 * Finds everything that bears a tenant's names. A tenant that is placed nowhere is searched for on
 * every db server: an undo that failed may have left something on the one it was placed on.
 *
 * @throws DomainError E_ADMIN_CONN_UNRESOLVED when the tenant's own server cannot be entered
 */
export async function findRemains(ports: RemainsPorts, run: AnyRun): Promise<Remains> {
  const tenant = await run.tenant();
  const { id: tenantId, secretName } = tenant;
  const found: Remain[] = [];
  const names = namesOfTenant(tenant);
  const token = tokenOf(run);
  const unsearched = await onEveryServer(ports, tenant, async (server) => {
    const leftovers = await inSharedDatabase(ports, { server, names, token }, (client) =>
      findLeftovers(client, names, tenantId),
    );
    const at = { server: server.name };
    found.push(...leftovers.map(({ kind, name, ours }) => ({ kind, name, ...at, ours })));
  });
  const secret = await ports.secrets.get(secretName);
  if (secret) {
    const ours = secret.tags.tenantId === tenantId;
    found.push({ kind: "SECRET", name: secretName, server: null, ours });
  }
  return { found, unsearched };
}

/** Drops the schema, the database and the roles that were made for the tenant, wherever they are. */
export async function dropRemains(ports: RemainsPorts, run: AnyRun): Promise<void> {
  await refuseOldDeletion(ports, run);
  const tenant = await run.tenant();
  const names = namesOfTenant(tenant);
  const token = tokenOf(run);
  await onEveryServer(ports, tenant, (server) =>
    removeTenantSchema(ports, { server, names, token }, tenant.id),
  );
}

/**
 * Works on the tenant's server, or on every one where it may have been; answers the names of those
 * that could not be entered.
 */
async function onEveryServer(
  ports: RemainsPorts,
  tenant: Tenant,
  work: (server: DbServer) => Promise<void>,
): Promise<string[]> {
  const em = ports.orm.em.fork();
  if (tenant.dbServerId !== null) {
    await work((await siteOfTenant(em, tenant)).server);
    return [];
  }
  const unsearched: string[] = [];
  for (const server of await em.find(DbServerEntity, {}, { orderBy: { name: "asc" } })) {
    try {
      await work(server);
    } catch (error) {
      if (!isDomainError(error, "E_ADMIN_CONN_UNRESOLVED")) throw error;
      unsearched.push(server.name);
    }
  }
  return unsearched;
}
