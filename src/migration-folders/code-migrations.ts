import { isSql } from "./layout.ts";
import { named, refusal } from "./refusal.ts";
import type { Tree } from "./tree.ts";

const ADVICE: Readonly<Record<string, string>> = {
  py: "Django writes it with `manage.py sqlmigrate`, Alembic with `alembic upgrade --sql`",
  rb: "Rails writes it to structure.sql with `schema_format = :sql`",
  go: "rewrite them as .sql, which goose takes as well",
  fizz: "pop takes `.up.sql` as well",
  php: "Doctrine writes it with `--write-sql`, Laravel shows it with `migrate --pretend`",
  cs: "`dotnet ef migrations script` writes it",
  exs: "`mix ecto.dump` writes it",
  rs: "rewrite them as .sql",
  java: "rewrite them as .sql",
  kt: "rewrite them as .sql",
  ts: "TypeORM and MikroORM can print it; for Knex and Sequelize dump a migrated database with `pg_dump --schema-only`",
};
const KIN: Readonly<Record<string, string>> = {
  js: "ts",
  mjs: "ts",
  cjs: "ts",
  mts: "ts",
  cts: "ts",
};

/** A version at the start, as every tool has it; Alembic: a hash, or any name below `versions`. */
const VERSIONED = /^(?:[VRm_]|Migration|Version)?\d|^[0-9a-f]{12}_/;
const GLUE = /\.d\.[cm]?ts$|\.Designer\.cs$|[._](test|spec)\.\w+$|^__init__\.py$/;

const languageOf = (path: string): string => {
  const extension = /\.(\w+)$/.exec(path)?.[1] ?? "";
  return KIN[extension] ?? extension;
};

const isMigration = (path: string): boolean => {
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (ADVICE[languageOf(path)] === undefined || GLUE.test(name) || /\.down\.\w+$/.test(name)) {
    return false;
  }
  return VERSIONED.test(name) || /(^|\/)versions\/[^/]+\.py$/.test(path);
};

/**
 * Refuses migrations in code: they would silently not be applied. Runners and glue, which have no
 * version in their names, are none.
 */
export function refuseCode({ files }: Tree): void {
  const code = files.filter(({ path }) => isMigration(path)).map(({ path }) => path);
  const [first] = code;
  if (first === undefined) return;
  const beside = files.some(isSql) ? "beside SQL, migrations in code" : "migrations in code";
  const how = ADVICE[languageOf(first)];
  throw refusal(code, `${named(code)}: ${beside}, which only their tool can run. As SQL: ${how}`);
}
