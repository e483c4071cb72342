import { randomBytes } from "node:crypto";
import { appendFile, chown, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Account, run } from "../../packages/embedded-postgres/src/child-process.ts";
import { ifPresent } from "../../packages/embedded-postgres/src/files.ts";
import { freePort, HOST } from "../../packages/embedded-postgres/src/port.ts";
import { isRoot, serviceAccount } from "../../packages/embedded-postgres/src/service-account.ts";
import { asSuperuser, urlOf } from "./database.ts";
import { CARELESS, makeServerFolder } from "./folders.ts";

/** Where distributions keep PostgreSQL's programs, pg_dump and pg_restore among them, by version. */
const DISTRIBUTED = "/usr/lib/postgresql";
const SUPERUSER = "postgres";

/** The folder of the newest PostgreSQL that the system has; null where it has none. */
export async function systemPostgres(): Promise<string | null> {
  const versions = ((await ifPresent(readdir(DISTRIBUTED))) ?? []).map(Number).filter(Boolean);
  const newest = versions.sort((a, b) => b - a)[0];
  return newest === undefined ? null : join(DISTRIBUTED, String(newest), "bin");
}

/** A server of the system's PostgreSQL, of which databases can be dumped and restored. */
export interface DumpServer extends AsyncDisposable {
  /** Connection URL as its superuser. */
  url(database: string): string;
  create(database: string): Promise<void>;
  /** Dumps a database with `pg_dump`, whatever works in it. */
  dump(database: string): Promise<string>;
  /** Makes a database of a dump with `pg_restore`. */
  restore(file: string, database: string): Promise<void>;
}

/** Starts one; disposing it removes its data and its dumps. */
export async function startDumpServer(programs: string): Promise<DumpServer> {
  const account = isRoot() ? await serviceAccount() : undefined;
  const base = await makeServerFolder("tenantry-dumps-");
  const [cluster, secret] = [join(base, "cluster"), join(base, "password")];
  const password = randomBytes(12).toString("hex");
  const port = await freePort();
  const exec = (program: string, args: string[]) => mustRun(join(programs, program), args, account);
  await mkdir(cluster);
  await writeFile(secret, password);
  if (account)
    for (const path of [base, cluster, secret]) await chown(path, account.uid, account.gid);
  const login = [`--username=${SUPERUSER}`, "--auth=scram-sha-256", `--pwfile=${secret}`];
  await exec("initdb", [
    "-D",
    cluster,
    "--encoding=UTF8",
    "--locale=C.UTF-8",
    "--no-sync",
    ...login,
  ]);
  const settings = { ...CARELESS, port, listen_addresses: HOST, unix_socket_directories: "" };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value}'`);
  await appendFile(join(cluster, "postgresql.conf"), `\n${lines.join("\n")}\n`);
  await exec("pg_ctl", ["start", "-D", cluster, "-l", join(base, "log"), "-w", "-s"]);
  const main = `postgres://${SUPERUSER}:${password}@${HOST}:${port}/postgres`;
  const url = (database: string) => urlOf(main, database);
  const create = (database: string) =>
    asSuperuser(main, async (client) => {
      await client.query(`create database ${database}`);
    });
  return {
    url,
    create,
    dump: async (database) => {
      const file = join(base, `${database}.dump`);
      await exec("pg_dump", ["-Fc", `--file=${file}`, url(database)]);
      return file;
    },
    restore: async (file, database) => {
      await create(database);
      await exec("pg_restore", ["--exit-on-error", `--dbname=${url(database)}`, file]);
    },
    [Symbol.asyncDispose]: async () => {
      await exec("pg_ctl", ["stop", "-D", cluster, "-m", "immediate", "-s"]);
      await rm(base, { recursive: true, force: true });
    },
  };
}

async function mustRun(program: string, args: string[], as: Account | undefined): Promise<void> {
  const { exitCode, output } = await run(program, args, as);
  if (exitCode !== 0) throw new Error(`${program}: ${output}`);
}
