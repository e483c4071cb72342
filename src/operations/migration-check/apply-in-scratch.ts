import type { PoolClient } from "pg";
import { DomainError, isDomainError } from "../../kernel/domain-error.ts";
import type { MigrationSettings } from "../../migration-folders/migration-source.ts";
import type { DbServer } from "../../placement/db-server.entity.ts";
import { applyMigrations } from "../../tenant-schemas/apply-migrations.ts";
import { describeRows, describeSchemas } from "../../tenant-schemas/describe-schemas.ts";
import {
  type MigrationFolder,
  openMigrationFolder,
} from "../../tenant-schemas/migration-folder.ts";
import type { TenantNames } from "../../tenants/names.ts";
import { dropOldScratch, type ScratchPorts, withScratch } from "./scratch.ts";

/** A migration that PostgreSQL did not take. */
export interface AppliedRefusal {
  readonly way: Way;
  readonly file: string | null;
  readonly line: number | null;
  readonly statement: string | null;
  readonly sqlstate: string | null;
  readonly why: string;
}

/** How files reach a tenant: a new one gets them at once, an old one each when it comes. */
type Way = "AT_ONCE" | "FILE_BY_FILE";

/** What came of applying a folder to scratch databases. */
export interface ScratchCheck {
  readonly dbServer: string;
  readonly tables: number;
  /** Null where it failed. */
  readonly atOnceMs: number | null;
  readonly fileByFileMs: number | null;
  /** `only at once: …` and `only file by file: …`; empty where both ways failed or agree. */
  readonly differences: readonly string[];
  readonly refusals: readonly AppliedRefusal[];
}

/**
 * Applies a folder to two scratch databases of a server, at once as provisioning does and file by file as
 * migrating does, and compares what came of it: every object of the catalogs, and the number of rows. All
 * that it makes is dropped at the end; what a killed check has left is dropped before.
 *
 * @throws DomainError E_MIGRATION_FOLDER, E_MIGRATION_UNSAFE, E_MIGRATIONS_FAILED for a folder that is
 *   refused without a database; E_UNSUPPORTED for a Citus cluster, where no tenant has a database of its
 *   own; E_ADMIN_CONN_UNRESOLVED
 */
export async function applyInScratch(
  ports: ScratchPorts,
  server: DbServer,
  settings: MigrationSettings,
): Promise<ScratchCheck> {
  if (server.kind === "CITUS")
    throw new DomainError("E_UNSUPPORTED", {
      message: `Db server '${server.name}' is a Citus cluster, in which no database can be made for a check`,
      nextAction: "Name another `dbServer`.",
    });
  const folder = await openMigrationFolder(settings);
  await dropOldScratch(ports, server);
  const limits = { longestTimeoutMs: settings.longestTimeoutMs };
  const atOnce = await attempt(ports, server, "AT_ONCE", async (client, names) => {
    await applyMigrations(client, { names, folder, mode: "one-transaction", limits });
  });
  const fileByFile = await attempt(ports, server, "FILE_BY_FILE", async (client, names) => {
    for (let count = 1; count <= folder.migrations.length; count++) {
      const begun = firstOf(folder, count);
      await applyMigrations(client, { names, folder: begun, mode: "transaction-per-file", limits });
    }
  });
  return {
    dbServer: server.name,
    tables: (atOnce.lines ?? fileByFile.lines ?? []).filter(isTable).length,
    atOnceMs: atOnce.ms,
    fileByFileMs: fileByFile.ms,
    differences: differencesOf(atOnce.lines, fileByFile.lines),
    refusals: [...atOnce.refusals, ...fileByFile.refusals],
  };
}

const firstOf = (folder: MigrationFolder, count: number): MigrationFolder => ({
  ...folder,
  migrations: folder.migrations.slice(0, count),
});

const isTable = (line: string): boolean => /^(partitioned )?table /.test(line);

interface Attempt {
  /** Null where it failed. */
  readonly lines: readonly string[] | null;
  readonly ms: number | null;
  readonly refusals: readonly AppliedRefusal[];
}

async function attempt(
  ports: ScratchPorts,
  server: DbServer,
  way: Way,
  apply: (client: PoolClient, names: TenantNames) => Promise<void>,
): Promise<Attempt> {
  return await withScratch(ports, server, async ({ names }, client) => {
    const begun = performance.now();
    try {
      await apply(client, names);
    } catch (error) {
      if (!isDomainError(error)) throw error;
      return { lines: null, ms: null, refusals: [refusalOf(way, error)] };
    }
    const ms = Math.round(performance.now() - begun);
    return { lines: await linesOf(client, names), ms, refusals: [] };
  });
}

/** Everything that belongs to the owner role: its tenant schema, and those that the files have made. */
async function linesOf(client: PoolClient, names: TenantNames): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select nspname as name from pg_catalog.pg_namespace
     where pg_catalog.pg_get_userbyid(nspowner) = $1`,
    [names.ownerRole],
  );
  const schemas = rows.map(({ name }) => ({
    name,
    label: name === names.schema ? "$tenant" : name,
  }));
  const roles = new Map([
    [names.ownerRole, "$owner"],
    [names.appRole, "$app"],
    [names.appRoleB, "$app_b"],
  ]);
  return [
    ...(await describeSchemas(client, { schemas, roles })),
    ...(await describeRows(client, { schemas })),
  ];
}

function differencesOf(
  atOnce: readonly string[] | null,
  fileByFile: readonly string[] | null,
): string[] {
  if (atOnce === null || fileByFile === null) return [];
  const [left, right] = [new Set(atOnce), new Set(fileByFile)];
  return [
    ...atOnce.filter((line) => !right.has(line)).map((line) => `only at once: ${line}`),
    ...fileByFile.filter((line) => !left.has(line)).map((line) => `only file by file: ${line}`),
  ];
}

function refusalOf(way: Way, { message, migration }: DomainError): AppliedRefusal {
  const { file = null, line = null, statement = null, sqlState = null } = migration ?? {};
  const place = `${file} line ${line}: `;
  const why = message.startsWith(place) ? message.slice(place.length) : message;
  return { way, file, line, statement, sqlstate: sqlState, why };
}
