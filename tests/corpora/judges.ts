import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import type { Format, ReadFolder } from "../../src/migration-folders/migration-source.ts";
import { ledgerColumns } from "../../src/sql-files/tool-ledgers.ts";

const run = promisify(execFile);

/** Applies a folder to an empty database as its own tool does, or as psql does in the tool's order. */
export interface Judge {
  readonly name: string;
  /** Relations and schemas that the tool makes for itself. */
  readonly keeps: RegExp;
  apply(url: string, dir: string): Promise<void>;
}

const NOTHING = /^(?!)/;

/**
 * The judges of a folder: its own tool where it can be had, then psql, for what the tool fails at.
 *
 * @param tools the folder in which the tools of npm are installed; sqitch and sql-migrate are Debian's
 */
export function judgesOf(folder: ReadFolder, tools: string): Judge[] {
  const own = TOOLS[folder.format]?.(tools);
  return [...(own === undefined ? [] : [own]), psql(folder)];
}

const TOOLS: Partial<Record<Format, (tools: string) => Judge>> = {
  DBMATE: (tools) => ({
    name: "dbmate",
    keeps: /schema_migrations/,
    apply: async (url, dir) => {
      const program = join(tools, "node_modules/@dbmate/linux-x64/bin/dbmate");
      const args = ["--url", `${url}?sslmode=disable`, "--migrations-dir", dir, "--no-dump-schema"];
      await run(program, [...args, "up"], BIG);
    },
  }),
  SQL_MIGRATE: () => ({
    name: "sql-migrate",
    keeps: /gorp_migrations/,
    apply: (url, dir) =>
      withFile(
        "dbconfig.yml",
        `development:\n  dialect: postgres\n  datasource: ${url}?sslmode=disable\n  dir: ${dir}\n`,
        async (config) => void (await run("sql-migrate", ["up", `-config=${config}`], BIG)),
      ),
  }),
  SQITCH: () => ({
    name: "sqitch",
    keeps: /sqitch/,
    apply: async (url, dir) => {
      const { hostname, port, pathname, username, password } = new URL(url);
      const target = `db:pg://${username}@${hostname}:${port}${pathname}`;
      const environment = {
        PATH: "/usr/bin:/bin",
        PGPASSWORD: password,
        HOME: tmpdir(),
        TZ: "UTC",
      };
      await run("sqitch", ["deploy", "--chdir", dir, target], { ...BIG, env: environment });
    },
  }),
  NODE_PG_MIGRATE: (tools) => ({
    name: "node-pg-migrate",
    keeps: /pgmigrations/,
    apply: async (url, dir) => {
      const program = join(tools, "node_modules/node-pg-migrate/bin/node-pg-migrate.js");
      const environment = { PATH: "/usr/bin:/bin", DATABASE_URL: url };
      await run(process.execPath, [program, "up", "-m", dir], { ...BIG, env: environment });
    },
  }),
  DRIZZLE: (tools) => ({
    name: "drizzle-orm",
    keeps: /drizzle/,
    apply: async (url, dir) => {
      const orm = join(tools, "node_modules/drizzle-orm/node-postgres");
      const { drizzle } = await import(join(orm, "index.js"));
      const { migrate } = await import(join(orm, "migrator.js"));
      const pool = new pg.Pool({ connectionString: url });
      await migrate(drizzle(pool), { migrationsFolder: dir }).finally(() => pool.end());
    },
  }),
};

const BIG = { maxBuffer: 2 ** 26 };

/** Each file by psql, in the tool's order, with the table that the tool keeps where a file speaks of it. */
function psql({ migrations, format }: ReadFolder): Judge {
  const ledgers = ["schema_migrations", "_sqlx_migrations", "__diesel_schema_migrations"].filter(
    (table) => format !== "DUMP" && migrations.some(({ text }) => text.includes(table)),
  );
  return {
    name: `psql (${format})`,
    keeps: ledgers.length === 0 ? NOTHING : new RegExp(ledgers.join("|")),
    apply: async (url) => {
      for (const table of ledgers) {
        const made = `create table if not exists ${table} (${ledgerColumns(table)})`;
        await run("psql", [url, "-Xqc", made], BIG);
      }
      for (const { text } of migrations) {
        // As the tools send it: whole, but where it says itself that this cannot be.
        const whole = /concurrently|\b(commit|call)\b/i.test(text) ? [] : ["-1"];
        await withFile("it.sql", text, async (file) => {
          await run("psql", [url, "-Xqv", "ON_ERROR_STOP=1", ...whole, "-f", file], BIG);
        });
      }
    },
  };
}

async function withFile(
  name: string,
  text: string,
  work: (file: string) => Promise<void>,
): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), "judge-"));
  try {
    await writeFile(join(dir, name), text);
    await work(join(dir, name));
  } finally {
    await rm(dir, { recursive: true });
  }
}
