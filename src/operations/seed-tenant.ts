import { z } from "zod";
import type { EntityManager } from "../database/orm.ts";
import { type Described, describedObject } from "../kernel/described.ts";
import { type AppliedSeedSet, applySeedSet } from "../seeding/apply-seeds.ts";
import { openSeedFolder, resolveSets } from "../seeding/seed-folder.ts";
import { refuseMissingSchema } from "../tenant-schemas/as-owner.ts";
import { namedTenant } from "../tenants/named-tenant.ts";
import { defineOperation } from "./define-operation.ts";
import { nothing, type Skipped, skipped } from "./engine/phase.ts";
import { refuseUnfinished } from "./readiness/unfinished.ts";
import { inTenantDatabase } from "./site/databases.ts";
import type { TenantPorts } from "./tenant-ports.ts";
import type { TenantRun } from "./tenant-run.ts";

const SeedInput = z
  .strictObject({
    ...namedTenant,
    sets: z.array(z.string().min(1).max(255)).min(1).max(100).meta({
      description: "The sets by name, 1 to 100 of them: `core`; `all` is every set.",
      flag: "<sets...>",
      help: "names of seed sets, such as core microbiology; all for every one",
    }),
  })
  .describe("The tenant and its seed sets.");
export type SeedInput = z.infer<typeof SeedInput>;

const SeededTable = describedObject("SeededTable", "How many rows a seed set added to one table.", {
  table: z.string().describe("The table's name."),
  rows: z.int().describe("How many rows it added."),
});

/** What one attempt added: not what a killed worker had added before. */
const SeededSet = describedObject(
  "SeededSet",
  "What one seed set added; rows that were there already are not counted.",
  {
    set: z.string().describe("The seed set's name."),
    rowsAdded: z.int().describe("How many rows it added in all."),
    tables: z.array(SeededTable).describe("The same, table by table."),
  },
);
type SeededSet = Described<typeof SeededSet>;

const SeedResult = describedObject("SeedResult", "What came of seeding a tenant.", {
  sets: z
    .array(SeededSet)
    .describe("The sets that were asked for, each after those that it depends on."),
});

interface SeedFacts {
  /** Every set that is to be there, each after what it depends on. */
  readonly planned: readonly string[];
  readonly seeded: readonly SeededSet[];
}

type SeedRun = TenantRun<SeedInput, SeedFacts>;

/** Adds seed sets to a tenant's schema: of each only what is absent. */
export const seedTenant = defineOperation<SeedInput, SeedFacts>(
  {
    kind: "SEED",
    does: "Adds the rows of seed sets that a tenant's schema lacks.",
    grant: "tenant:operate",
    appliesFiles: true,
    input: SeedInput,
    result: SeedResult,
    shows: ({ sets }: Described<typeof SeedResult>) =>
      sets.map(({ set, rowsAdded, tables }) => [
        set,
        rowsAdded === 0 ? "nothing was absent" : `${rowsAdded} rows added: ${grownIn(tables)}`,
      ]),
    mutation: {
      name: "seedTenant",
      description:
        "Adds the rows of seed sets that a tenant's schema lacks, those of the sets that they depend on first.",
    },
    command: {
      words: "seed",
      does: "add seed sets to a tenant: what is absent, and what the sets depend on",
      title: "Seeding",
      example: "core microbiology --tenant-slug acme",
      slugFlag: "--tenant-slug <slug>",
    },
  },
  (ports) => ({
    prepare: (em, tenant) => refuseUnfinished(em, tenant),
    phases: [
      {
        name: "SETS_RESOLVED",
        where: "outside",
        inDryRun: true,
        ensure: (run) => resolve(ports, run),
        undo: nothing("it only looks"),
      },
      {
        name: "SEEDS_APPLIED",
        where: "outside",
        ensure: (run) => apply(ports, run),
        undo: nothing("the sets that were added stay; the next run adds what is absent"),
      },
      {
        name: "REGISTERED",
        where: "platform",
        ensure: register,
        undo: nothing("it is the last phase"),
      },
    ],
    result: ({ dryRun, facts }) => ({
      ...(dryRun ? { planned: facts.planned ?? [] } : {}),
      sets: facts.seeded ?? [],
    }),
  }),
);

async function resolve(ports: TenantPorts, run: SeedRun): Promise<Partial<SeedFacts>> {
  const sets = resolveSets(await openSeedFolder(ports.seeds), run.input.sets);
  const site = await run.site();
  await inTenantDatabase(ports, site, (client) => refuseMissingSchema(client, site.names));
  return { planned: sets.map((set) => set.name) };
}

/** Adds set after set, a transaction and an event for each. */
async function apply(ports: TenantPorts, run: SeedRun): Promise<Partial<SeedFacts> | Skipped> {
  const sets = resolveSets(await openSeedFolder(ports.seeds), run.facts.planned ?? []);
  if (sets.length === 0) return skipped("the seed folder has no set");
  const site = await run.site();
  const seeded: SeededSet[] = [];
  await run.progress(0, sets.length);
  await inTenantDatabase(ports, site, async (client) => {
    for (const [index, set] of sets.entries()) {
      const added = toSeeded(await applySeedSet(client, { names: site.names, set }));
      seeded.push(added);
      await run.progress(index + 1, sets.length, describe(added));
    }
  });
  return { seeded };
}

const toSeeded = ({ set, rowsAdded, tables }: AppliedSeedSet): SeededSet => ({
  set,
  rowsAdded,
  tables: Object.entries(tables).map(([table, rows]) => ({ table, rows })),
});

/** For the event: `core: 12 rows added (unit 10, country 2)`. */
function describe({ set, rowsAdded, tables }: SeededSet): string {
  const grown = grownIn(tables);
  return grown === ""
    ? `${set}: nothing was absent`
    : `${set}: ${rowsAdded} ${rowsAdded === 1 ? "row" : "rows"} added (${grown})`;
}

const grownIn = (tables: SeededSet["tables"]): string =>
  tables
    .filter(({ rows }) => rows > 0)
    .map(({ table, rows }) => `${table} ${rows}`)
    .join(", ");

/** From now on the tenant is ready only while these sets are there, too. */
async function register(run: SeedRun, em: EntityManager): Promise<undefined> {
  const { planned = [], seeded = [] } = run.facts;
  const { seedSets } = await run.tenant(em);
  await run.update(em, { seedSets: [...new Set([...seedSets, ...planned])] });
  const rowsAdded = seeded.reduce((sum, set) => sum + set.rowsAdded, 0);
  run.record(em, "TENANT_SEEDED", { sets: planned.slice(0, 1000), rowsAdded });
}
