import { resolve } from "node:path";
import type { ApiAccess } from "../../config.ts";
import { FORMATS, type MigrationSettings } from "../../migration-folders/migration-source.ts";
import type { ScratchCheck } from "../../operations/migration-check/apply-in-scratch.ts";
import type { MigrationCheck } from "../../operations/migration-check/check-migrations.ts";
import { apiAccess, commandConfig, refuseToken, runCommand } from "../session.ts";
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
    if (access !== null) {
      if (Object.keys(asked).length > 0)
        throw new UsageError("The service's folder is read as the service is set: name a folder");
      return end(out, flags, await checkOver(access), null);
    }
    const settings = { ...commandConfig().tenantMigrations, ...asked };
    const { checkMigrations } = await import(
      "../../operations/migration-check/check-migrations.ts"
    );
    const check = await checkMigrations(settings);
    if (!flags.apply || check.refusals.length > 0) return end(out, flags, check, null);
    const { applyFolder } = await import("./apply.ts");
    return end(out, flags, check, await applyFolder(out, settings, flags.dbServer));
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

/** Asks the API for the check of the service's folder. */
async function checkOver(access: ApiAccess): Promise<MigrationCheck> {
  const { openHttpApi } = await import("../api/http.ts");
  const api = openHttpApi(access);
  try {
    return (await api.execute(CheckMigrations, {})).migrationCheck;
  } finally {
    await api.close();
  }
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
