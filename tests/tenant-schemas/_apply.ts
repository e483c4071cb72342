import { expect } from "vitest";
import { settingsFor } from "../../src/migration-folders/migration-source.ts";
import {
  type ApplyMigrations,
  applyMigrations,
} from "../../src/tenant-schemas/apply-migrations.ts";
import { openMigrationFolder } from "../../src/tenant-schemas/migration-folder.ts";
import { perFile } from "../kit/lifetime.ts";
import { openTenantDatabase, type Tenant } from "../kit/tenant-schemas.ts";

/** Files by their path. */
export type Files = Readonly<Record<string, string>>;
type Options = Partial<Omit<ApplyMigrations, "names" | "folder">>;

/** What an application ends in. */
interface Failure extends Error {
  readonly code: string;
  readonly migration: { file: string; line: number; sqlState: string };
}

/** For the tests of a file: one database, and migrations for its tenants. */
export function applying() {
  const world = perFile(openTenantDatabase);

  const created = async (): Promise<Tenant> => {
    const tenant = world.tenant();
    await world.create(tenant);
    return tenant;
  };

  const apply = async (
    tenant: Tenant,
    files: Files,
    { client = world.client, ...options }: Options & { client?: typeof world.client } = {},
  ) => {
    const folder = await openMigrationFolder(settingsFor(await world.folder(files)));
    const request = { mode: "one-transaction", names: tenant.names, folder, ...options } as const;
    return await applyMigrations(client, request);
  };

  /** Applies to a tenant whose schema is in use. */
  const migrate = (tenant: Tenant, files: Files, options: Options = {}) =>
    apply(tenant, files, { mode: "transaction-per-file", ...options });

  /** The rows of a query on the tenant's schema, as text. */
  const rowsIn = async ({ names }: Tenant, sql: string): Promise<string[]> => {
    const client = await world.connect();
    await client.query(`set search_path = ${names.schema}, ext`);
    const { rows } = await client.query({ text: sql, rowMode: "array" });
    return rows.map((row: unknown[]) => row.join("|"));
  };

  /** The rows in a tenant of a fresh schema, which must be those of one that got a file at a time. */
  const alike = async (files: Files, sql: string): Promise<string[]> => {
    const [fresh, old] = [await created(), await created()];
    await apply(fresh, files);
    const inOrder = Object.entries(files).sort();
    for (const [at] of inOrder.entries())
      await migrate(old, Object.fromEntries(inOrder.slice(0, at + 1)));
    const rows = await rowsIn(fresh, sql);
    expect(await rowsIn(old, sql)).toEqual(rows);
    return rows;
  };

  return { world, created, apply, migrate, rowsIn, alike };
}

export const failureOf = (applying: Promise<unknown>): Promise<Failure> =>
  applying.then(
    () => expect.unreachable("it was applied"),
    (error: Failure) => error,
  );
