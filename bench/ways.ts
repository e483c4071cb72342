// Ways of filling a tenant's empty schema: ours, and the least that it can cost.

import type pg from "pg";
import { readConfig } from "../src/config.ts";
import { ident, scramVerifier } from "../src/database/sql.ts";
import { newId, newSecret } from "../src/kernel/ids.ts";
import type { Platform } from "../src/platform.ts";
import { applySeedSet } from "../src/seeding/apply-seeds.ts";
import { openSeedFolder, resolveSets } from "../src/seeding/seed-folder.ts";
import { applyMigrations } from "../src/tenant-schemas/apply-migrations.ts";
import { createTenantSchema } from "../src/tenant-schemas/create-tenant-schema.ts";
import { dropTenantSchema } from "../src/tenant-schemas/drop-tenant-schema.ts";
import { openMigrationFolder } from "../src/tenant-schemas/migration-folder.ts";
import { namesOf } from "../src/tenants/names.ts";
import { contentsOf, dumpFlat } from "./flat.ts";
import { nextSlug } from "./kit.ts";

/** An empty schema of a tenant with its roles, as provisioning makes it before the migrations. */
export async function emptySchema(client: pg.Client) {
  const rules = { schemaPrefix: "org_", secretNameTemplate: "tenant-db-{slug}" };
  const made = { names: namesOf(nextSlug(), rules), tenantId: newId() };
  await createTenantSchema(client, {
    ...made,
    appPasswordVerifier: scramVerifier(newSecret()),
    connectDatabase: client.database ?? "",
    limits: readConfig({}).tenantLimits.STANDARD,
  });
  return made;
}

/** Nobody has left anything in another database here. */
const noOther = () => Promise.reject(new Error("There is no other database"));

type Made = Awaited<ReturnType<typeof emptySchema>>;
/** One way of filling an empty schema. */
export type Way = (client: pg.Client, made: Made) => Promise<unknown>;

/** What a way takes, in ms; the schema is dropped behind it. */
export async function taken(client: pg.Client, way: Way): Promise<number> {
  const made = await emptySchema(client);
  const since = performance.now();
  await way(client, made);
  const took = performance.now() - since;
  await dropTenantSchema(client, made, noOther);
  return took;
}

/** Migrations and seeds as operations apply them, with ledger and progress. */
export async function ourWay({ config }: Platform): Promise<Way> {
  const folder = await openMigrationFolder(config.tenantMigrations);
  const sets = resolveSets(await openSeedFolder(config.tenantSeeds), ["all"]);
  return async (client, { names }) => {
    const request = { names, folder, mode: "one-transaction", onFileApplied: () => {} } as const;
    await applyMigrations(client, request);
    for (const set of sets) await applySeedSet(client, { names, set });
  };
}

/** The final state of what `ours` makes, with the same owner and rights. */
export async function flatWay(client: pg.Client, ours: Way): Promise<Way> {
  const model = await emptySchema(client);
  await ours(client, model);
  const statements = await dumpFlat(client, model.names.schema);
  const flat: Way = (onto, { names }) =>
    onto.query(
      [
        "begin; set local check_function_bodies = off",
        `set local search_path = ${ident(names.schema)}, ext; set local role ${ident(names.ownerRole)}`,
        ...statements,
        "commit",
      ].join(";\n"),
    );
  const copy = await emptySchema(client);
  await flat(client, copy);
  const [theirs, its] = [model, copy].map(({ names }) => contentsOf(client, names.schema));
  const [wanted, found] = [JSON.stringify(await theirs), JSON.stringify(await its)];
  if (wanted !== found) throw new Error(`Flat is something else:\n${wanted}\n${found}`);
  for (const made of [model, copy]) await dropTenantSchema(client, made, noOther);
  return flat;
}
