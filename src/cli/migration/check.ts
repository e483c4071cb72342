import { resolve } from "node:path";
import type { ApiAccess } from "../../config.ts";
import type { EntityManager } from "../../database/orm.ts";
import { authorize } from "../../iam/grants.ts";
import { FORMATS, type MigrationSettings } from "../../migration-folders/migration-source.ts";
import {
  applyInScratch,
  type ScratchCheck,
} from "../../operations/migration-check/apply-in-scratch.ts";
import {
  checkMigrations,
  type MigrationCheck,
} from "../../operations/migration-check/check-migrations.ts";
import { dbServerByName } from "../../placement/db-server-registry.ts";
import { DEFAULT_SERVER } from "../../placement/default-server.ts";
import { openHttpApi } from "../api/http.ts";
import {
  apiAccess,
  commandConfig,
  onPlatform,
  openConfigApi,
  refuseToken,
  runCommand,
} from "../session.ts";
import { EXIT, UsageError } from "../terminal/exit-codes.ts";
import { oneOf } from "../terminal/flag-values.ts";
import type { Output } from "../terminal/output.ts";
import { passes, writeCheck, writeScratchCheck } from "./check-view.ts";
import { CheckMigrations } from "./documents.ts";

/** The flags of `migration check`. */
export interface CheckFlags {
  readonly migrationsFormat?: string;
  readonly migrationsSchema?: string;
  readonly apply?: boolean;
  readonly dbServer?: string;
  readonly json?: boolean;
}

/**
 * `tenantry migration check`: a folder of this machine, or without one the folder that is configured,
 * over the API the service's.
 */
export async function checkMigrationFolder(
  folder: string | undefined,
  flags: CheckFlags,
): Promise<void> {
  const asked = askedOf(folder, flags);
  return await runCommand(flags, async (out) => {
    if (flags.apply) refuseToken();
    // A folder that was named lies here, whoever a token is.
    const access = folder === undefined ? apiAccess(out) : null;
    const asIsSet = Object.keys(asked).length === 0;
    if (access !== null && !asIsSet)
      throw new UsageError("The service's folder is read as the service is set: name a folder");
    if (asIsSet && !flags.apply) return end(out, flags, await checkConfigured(access), null);
    const settings = { ...commandConfig().tenantMigrations, ...asked };
    const check = await checkMigrations(settings);
    if (!flags.apply || check.refusals.length > 0) return end(out, flags, check, null);
    return end(out, flags, check, await applied(out, flags, settings));
  });
}

/** What the command line says of the folder. @throws UsageError */
function askedOf(folder: string | undefined, flags: CheckFlags): Partial<MigrationSettings> {
  const { apply, dbServer, migrationsSchema: schema } = flags;
  if (dbServer !== undefined && !apply)
    throw new UsageError("--db-server says where --apply makes its databases");
  if (schema !== undefined && !/^[A-Za-z_][A-Za-z0-9_$]{0,62}$/.test(schema))
    throw new UsageError(`--migrations-schema must be the name of a schema, not '${schema}'`);
  const format = oneOf("--migrations-format", flags.migrationsFormat, FORMATS);
  return {
    ...(folder === undefined ? {} : { dir: resolve(folder) }),
    ...(format === undefined ? {} : { format }),
    ...(schema === undefined ? {} : { schema }),
  };
}

/** Asks the API for the folder that is configured: the service's, or without access this process's. */
async function checkConfigured(access: ApiAccess | null): Promise<MigrationCheck> {
  const api = access === null ? await openConfigApi() : openHttpApi(access);
  try {
    return (await api.execute(CheckMigrations, {})).migrationCheck;
  } finally {
    await api.close();
  }
}

/** Applies the folder on a db server of the platform that the command finds. */
async function applied(
  out: Output,
  { dbServer = DEFAULT_SERVER }: CheckFlags,
  settings: MigrationSettings,
): Promise<ScratchCheck> {
  const { promise, resolve } = Promise.withResolvers<ScratchCheck>();
  await onPlatform(out, async ({ platform, actor }) => {
    authorize(actor, "migration:check");
    const { orm, servers, config } = platform;
    const server = await dbServerByName(orm.em.fork() as EntityManager, dbServer);
    const ports = { servers, schemaPrefix: config.tenantSchemaPrefix };
    resolve(await applyInScratch(ports, server, settings));
    return EXIT.ok;
  });
  return await promise;
}

/** Tells what was found; answers the exit code. */
function end(
  out: Output,
  { json }: CheckFlags,
  check: MigrationCheck,
  scratch: ScratchCheck | null,
): number {
  const ok = passes(check, scratch);
  if (json) out.json({ type: "RESULT", ok, ...check, applied: scratch });
  else {
    writeCheck(out, check, scratch === null);
    if (scratch !== null) writeScratchCheck(out, check, scratch);
  }
  return ok ? EXIT.ok : EXIT.failed;
}
