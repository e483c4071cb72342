import { expect } from "vitest";
import { compileFile } from "../../src/sql-files/compiler.ts";
import { type Place, type SqlFile, textIn } from "../../src/sql-files/sql-file.ts";

export const compile = (text: string, homes: readonly string[] = ["public"]): Promise<SqlFile> =>
  compileFile("0001_it.sql", { text, kind: "MIGRATION", homes }, "E_MIGRATIONS_FAILED");

/** A tenant's schema in a shared database with extensions. */
export const TENANT: Place = {
  schema: "org_x",
  inExtensions: new Set(["citext", "gin_trgm_ops", "crypt", "%>"]),
  created: new Set(),
  roles: new Set(),
  concurrently: false,
};

/** The file as it is sent to a place, a line for each statement. */
export async function sent(
  text: string,
  { homes, ...place }: Partial<Place> & { homes?: readonly string[] } = {},
): Promise<string> {
  const file = await compile(text, homes);
  expect(file.refusals).toEqual([]);
  const here = {
    ...TENANT,
    created: new Set([...file.createsBare, ...file.createsQualified]),
    ...place,
  };
  return file.statements.map((statement) => textIn(here, statement)).join("; ");
}
