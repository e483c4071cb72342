import { mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import pg from "pg";
import { scramVerifier } from "../../src/database/sql.ts";
import { newId } from "../../src/kernel/ids.ts";
import {
  type Format,
  type MigrationSettings,
  settingsFor,
} from "../../src/migration-folders/migration-source.ts";
import { readFolder } from "../../src/migration-folders/read-folder.ts";
import { applyMigrations } from "../../src/tenant-schemas/apply-migrations.ts";
import { createTenantSchema } from "../../src/tenant-schemas/create-tenant-schema.ts";
import { type MigrationFolder, readMigrations } from "../../src/tenant-schemas/migration-folder.ts";
import { ensureOwnDatabase, prepareOwnDatabase } from "../../src/tenant-schemas/own-database.ts";
import { prepareTenantDatabase } from "../../src/tenant-schemas/tenant-database.ts";
import { type Isolation, namesOf, type TenantNames } from "../../src/tenants/names.ts";
import { parseSlug } from "../../src/tenants/slug.ts";
import { LIMITS } from "../kit/tenant-schemas.ts";
import { describeTenant, describeTool, differences } from "./compare.ts";
import { type Judge, judgesOf } from "./judges.ts";

const USAGE = `usage: npm run test:corpora -- --folders DIR --servers URL[,URL] [--tools DIR] [--only TEXT]
  DIR/<owner>+<name>/ holds each folder of tests/corpora/folders.tsv as it lies in its repository;
  each URL is a superuser's, of a PostgreSQL server that may be filled and emptied;
  tools: where dbmate, drizzle-orm and node-pg-migrate are installed by npm`;

/** What an operator has done on a server before, and what the team has said of its folder. */
interface Options {
  readonly schema?: string;
  readonly placeholders?: Record<string, string>;
  readonly extensions?: readonly string[];
  readonly roles?: readonly string[];
  readonly format?: Format;
  /** The one file of the folder that is taken. */
  readonly only?: string;
}

interface Corpus {
  readonly repository: string;
  readonly options: Options;
}

const { values: args } = parseArgs({
  options: {
    folders: { type: "string" },
    servers: { type: "string" },
    tools: { type: "string", default: "." },
    only: { type: "string", default: "" },
  },
});

async function main(folders: string, servers: readonly string[]): Promise<number> {
  const list = await readFile(join(import.meta.dirname, "folders.tsv"), "utf8");
  let differing = 0;
  for (const line of list.trim().split("\n").slice(1)) {
    const [repository = "", , , options = ""] = line.split("\t");
    if (!repository.includes(args.only)) continue;
    const corpus = { repository, options: JSON.parse(options || "{}") as Options };
    const dir = join(folders, repository.replace("/", "+"));
    for (const row of await tryCorpus(corpus, dir, servers)) {
      if (row.includes("DIFFERS")) differing++;
      process.stdout.write(`${[repository, ...row].join("\t")}\n`);
    }
  }
  return differing === 0 ? 0 : 1;
}

/** A row for each server: what was read, then what came of each isolation and of the judge. */
async function tryCorpus(corpus: Corpus, dir: string, servers: readonly string[]) {
  const { schema = null, placeholders = {}, format = null, only } = corpus.options;
  const place = only === undefined ? null : await mkdtemp(join(tmpdir(), "corpus-"));
  if (place !== null && only !== undefined) await symlink(join(dir, only), join(place, only));
  const settings = { ...settingsFor(place ?? dir), schema, placeholders, format };
  try {
    const folder = await readMigrations(settings);
    const [refusal] = folder.refusals;
    if (refusal !== undefined) return [["REFUSED", refusal.error.message]];
    const rows: string[][] = [];
    for (const server of servers)
      rows.push(
        await tryOn(server, corpus, folder, settings).catch((error) => [
          ...["not tried on", new URL(server).port, messageOf(error)],
        ]),
      );
    return rows;
  } catch (error) {
    return [["REFUSED", messageOf(error)]];
  } finally {
    if (place !== null) await rm(place, { recursive: true });
  }
}

const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, " ").slice(0, 300);

async function tryOn(
  url: string,
  corpus: Corpus,
  folder: MigrationFolder,
  settings: MigrationSettings,
): Promise<string[]> {
  const version = await withClient(url, async (client) => {
    const { rows } = await client.query("show server_version_num");
    return `PostgreSQL ${Math.floor(Number(rows[0].server_version_num) / 10_000)}`;
  });
  const tool = await judge(url, corpus, folder, settings);
  const cells = [version, folder.format, `${folder.migrations.length} files`];
  for (const isolation of ["SCHEMA", "DATABASE"] as const) {
    if (isolation === "SCHEMA" && folder.needsDatabase !== null) {
      cells.push(`SCHEMA needs a database: ${folder.needsDatabase.file}`);
      continue;
    }
    cells.push(`${isolation} ${await tenants(url, corpus, folder, isolation, tool)}`);
  }
  return [...cells, typeof tool === "string" ? tool : tool.name];
}

interface Judged {
  readonly name: string;
  readonly lines: readonly string[];
}

/** What the first judge that can apply it makes of the folder, or why none can. */
async function judge(
  url: string,
  { options }: Corpus,
  folder: MigrationFolder,
  settings: MigrationSettings,
): Promise<Judged | string> {
  const read = await readFolder(settings);
  const failures: string[] = [];
  for (const tool of judgesOf(read, args.tools)) {
    const outcome = await judgedBy(tool, url, options, folder);
    if (typeof outcome !== "string")
      return { ...outcome, name: [...failures, outcome.name].join("; ") };
    failures.push(outcome);
  }
  return failures.join("; ");
}

async function judgedBy(
  tool: Judge,
  url: string,
  { schema, extensions = [] }: Options,
  folder: MigrationFolder,
): Promise<Judged | string> {
  return await withDatabase(url, async (database) => {
    const theirs = urlOf(url, database);
    await withClient(theirs, async (client) => {
      for (const extension of extensions)
        await client.query(`create extension if not exists "${extension}"`);
      if (schema === undefined) return;
      await client.query(`create schema if not exists "${schema}"`);
      await client.query(`alter database ${database} set search_path = "${schema}", public`);
    });
    try {
      await tool.apply(theirs, folder.dir);
    } catch (error) {
      return `${tool.name} fails: ${messageOf(error)}`;
    }
    const lines = await withClient(theirs, (client) => describeTool(client, folder, tool.keeps));
    return { name: tool.name, lines };
  });
}

/** Two tenants at once and one file by file: equal to each other, and to what the tool makes. */
async function tenants(
  url: string,
  { options }: Corpus,
  folder: MigrationFolder,
  isolation: Isolation,
  tool: Judged | string,
): Promise<string> {
  return await withDatabase(url, async (shared) => {
    const made: (readonly string[])[] = [];
    await withClient(asAdmin(url, shared), prepareTenantDatabase);
    for (const mode of ["one-transaction", "one-transaction", "transaction-per-file"] as const) {
      const site = await newTenant(url, shared, isolation, options);
      try {
        // Where an operator has approved an extension, only a superuser can put it into further databases.
        const untrusted = isolation === "DATABASE" && (options.extensions ?? []).length > 0;
        const admin = untrusted ? urlOf(url, site.database) : asAdmin(url, site.database);
        await withClient(admin, async (client) => {
          const { names } = site;
          const approvedExtensions = options.extensions ?? [];
          const count = mode === "one-transaction" ? folder.migrations.length : 1;
          for (let to = count; to <= folder.migrations.length; to++) {
            const migrations = folder.migrations.slice(0, to);
            const request = { names, folder: { ...folder, migrations }, mode, approvedExtensions };
            await applyMigrations(client, request);
          }
          made.push(await describeTenant(client, site.names, folder));
        });
      } catch (error) {
        return `fails ${mode}: ${messageOf(error)}`;
      } finally {
        if (isolation === "DATABASE")
          await withClient(url, (client) =>
            client.query(`drop database if exists ${site.database} with (force)`),
          );
      }
    }
    const [first = [], second = [], third = []] = made;
    const unequal = [
      ...differences("the second tenant", first, second),
      ...differences("file by file", first, third),
      ...(typeof tool === "string" ? [] : differences(tool.name, first, tool.lines)),
    ];
    return unequal.length === 0
      ? "equal"
      : `DIFFERS in ${unequal.length}: ${unequal.slice(0, 3).join(" / ").slice(0, 600)}`;
  });
}

async function newTenant(
  url: string,
  shared: string,
  isolation: Isolation,
  { extensions = [], roles = [] }: Options,
): Promise<{ readonly names: TenantNames; readonly database: string }> {
  const tenantId = newId();
  const slug = parseSlug(`t${tenantId.replaceAll("-", "").slice(-12)}`);
  const names = namesOf(slug, { schemaPrefix: "org_", secretNameTemplate: "t-{slug}" });
  const database = isolation === "DATABASE" ? names.database : shared;
  if (isolation === "DATABASE") {
    await withClient(asAdmin(url, shared), (client) =>
      ensureOwnDatabase(client, { names, tenantId }),
    );
    await withClient(asAdmin(url, database), (client) =>
      prepareOwnDatabase(client, tenantId, shared),
    );
  }
  await withClient(urlOf(url, shared), async (client) => {
    for (const extension of extensions)
      await client.query(`create extension if not exists "${extension}" schema ext`);
    for (const role of roles)
      await client.query(
        `do $$ begin create role ${role}; exception when duplicate_object then null; end $$`,
      );
  });
  const appPasswordVerifier = scramVerifier("nobody");
  await withClient(asAdmin(url, database), (client) =>
    createTenantSchema(client, {
      names,
      tenantId,
      appPasswordVerifier,
      connectDatabase: database,
      limits: LIMITS,
    }),
  );
  return { names, database };
}

/** Tenants are made by an admin that is no superuser. */
const ADMIN = "corpora_admin";

async function withDatabase<T>(url: string, work: (database: string) => Promise<T>): Promise<T> {
  const database = `corpus_${newId().replaceAll("-", "").slice(-12)}`;
  return await withClient(url, async (root) => {
    await root.query(
      `do $$ begin create role ${ADMIN} login createdb createrole password '${ADMIN}';
       exception when duplicate_object then null; end $$`,
    );
    await root.query(`create database ${database} owner ${ADMIN} template template0`);
    try {
      return await work(database);
    } finally {
      await root.query(`drop database ${database} with (force)`);
    }
  });
}

function urlOf(url: string, database: string): string {
  const other = new URL(url);
  other.pathname = `/${database}`;
  return other.href;
}

function asAdmin(url: string, database: string): string {
  const other = new URL(urlOf(url, database));
  other.username = ADMIN;
  other.password = ADMIN;
  return other.href;
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

if (args.folders === undefined || args.servers === undefined) {
  process.stderr.write(`${USAGE}\n`);
  process.exitCode = 2;
} else {
  process.exitCode = await main(args.folders, args.servers.split(","));
}
