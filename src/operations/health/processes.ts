import { createHash } from "node:crypto";
import { hostname } from "node:os";
import type { EntityManager, Orm } from "../../database/orm.ts";
import { type DomainError, isDomainError } from "../../kernel/domain-error.ts";
import { newId } from "../../kernel/ids.ts";
import type { MigrationSettings } from "../../migration-folders/migration-source.ts";
import { readFolder } from "../../migration-folders/read-folder.ts";
import type { Logger } from "../../observability/logger.ts";
import type { Listed } from "../../tenant-schemas/drift.ts";
import { repeat } from "../engine/liveness.ts";
import type { Finding } from "./finding.ts";

/** The migration folder of this process: what is in it, or why it is refused. */
export interface OwnFolder {
  readonly migrations: readonly Listed[] | null;
  /** Null where it is refused. */
  readonly hash: string | null;
  readonly error: DomainError | null;
}

/** Reads the folder without judging its statements. */
export async function ownFolder(settings: MigrationSettings): Promise<OwnFolder> {
  try {
    const { migrations: sources } = await readFolder(settings);
    const migrations = sources.map((source) => ({ ...source, name: source.file }));
    const lines = migrations.map(({ id, sha256 }) => `${id} ${sha256}\n`).join("");
    const hash = createHash("sha256").update(lines).digest("hex");
    return { migrations, hash, error: null };
  } catch (error) {
    if (!isDomainError(error)) throw error;
    return { migrations: null, hash: null, error };
  }
}

interface ProcessPorts {
  readonly orm: Orm;
  readonly config: { readonly tenantMigrations: MigrationSettings };
  readonly log: Logger;
}

/** A deploy changes the folder under a process that runs, so it is read again. */
const SAY_EVERY_MS = 20_000;
const TIME_TO_LIVE = "70 seconds";

/**
 * Says, again and again, which migration folder this process has.
 *
 * @param duty what it does: `API`, `worker`
 * @returns what ends that, and takes the row away
 */
export function announceProcess(
  { orm, config, log }: ProcessPorts,
  duty: string,
): () => Promise<void> {
  const id = newId();
  const say = async () => {
    const { hash, migrations } = await ownFolder(config.tenantMigrations);
    const em = orm.em.fork();
    await em.execute("delete from platform.process where seen_at < now() - interval '1 day'");
    await em.execute(
      `insert into platform.process (id, duty, host, pid, folder_hash, folder_files)
       values (?, ?, ?, ?, ?, ?)
       on conflict (id) do update set folder_hash = excluded.folder_hash,
         folder_files = excluded.folder_files, seen_at = now()`,
      [id, duty, hostname(), process.pid, hash, migrations?.length ?? 0],
    );
  };
  const onError = (error: unknown) => log.warn({ err: error }, "the folder could not be told");
  const first = say().catch(onError);
  const end = repeat(SAY_EVERY_MS, say, onError);
  return async () => {
    await Promise.all([first, end()]);
    const gone = orm.em.fork().execute("delete from platform.process where id = ?", [id]);
    await gone.catch(onError);
  };
}

interface ProcessRow {
  readonly duty: string;
  readonly host: string;
  readonly pid: number;
  readonly hash: string | null;
  readonly files: number;
}

/** What is wrong with the migration folders of the processes that live, this one's first. */
export async function processFindings(em: EntityManager, own: OwnFolder): Promise<Finding[]> {
  const refused: Finding[] =
    own.error === null
      ? []
      : [{ code: "FOLDER_REFUSED", message: own.error.message, repair: null }];
  const rows = await em.execute<ProcessRow[]>(
    `select duty, host, pid, folder_hash as hash, folder_files as files from platform.process
     where seen_at > now() - ?::interval order by host, pid, duty`,
    [TIME_TO_LIVE],
  );
  const known = rows.some(({ hash }) => hash === own.hash);
  const here = { duty: "this process", host: hostname(), pid: process.pid };
  const all = known
    ? rows
    : [{ ...here, hash: own.hash, files: own.migrations?.length ?? 0 }, ...rows];
  const byHash = Map.groupBy(all, ({ hash }) => hash);
  if (byHash.size < 2) return refused;
  const groups = [...byHash].map(([hash, those]) => {
    const folder = hash === null ? "refused" : `${hash.slice(0, 12)}, ${those[0]?.files} files`;
    return `${those.map(({ duty, host, pid }) => `${duty} ${host} ${pid}`).join(", ")} (${folder})`;
  });
  const message = `Processes have different migration folders: ${groups.join("; ")}`;
  return [...refused, { code: "FOLDERS_DIFFER", message, repair: null }];
}
