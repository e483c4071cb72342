import { candidates, type Region, regionsOf } from "../../placement/placement.ts";
import { openSeedFolder, type SeedSet } from "../../seeding/seed-folder.ts";
import { type SlugAvailability, slugAvailability } from "../../tenants/slug-availability.ts";
import { builder } from "../builder.ts";
import { ErrorCodeRef } from "../errors.ts";

// What a form for a new tenant asks before it is sent.

const SlugAvailabilityRef = builder.objectRef<SlugAvailability>("SlugAvailability").implement({
  description: "Whether a slug can be given to a new tenant at this moment.",
  fields: (t) => ({
    slug: t.exposeString("slug", { description: "The slug that was asked for." }),
    available: t.boolean({
      description: "Whether it can be given. Provisioning decides: somebody may be faster.",
      resolve: ({ code }) => code === null,
    }),
    code: t.expose("code", {
      type: ErrorCodeRef,
      nullable: true,
      description:
        "Why not: `E_INVALID_SLUG`, `E_RESERVED_SLUG` or `E_ALREADY_PROVISIONED`; null where it can.",
    }),
    message: t.exposeString("message", {
      nullable: true,
      description: "Why not, for people; null where it can.",
    }),
    suggestion: t.exposeString("suggestion", {
      nullable: true,
      description:
        "A slug like it that can be given; null where it can itself, or where none was found.",
    }),
  }),
});

const SeedSetRef = builder.objectRef<SeedSet>("SeedSet").implement({
  description: "A named set of rows that a tenant's schema can begin with.",
  fields: (t) => ({
    name: t.exposeString("name", { description: "Its name: `seeds` and `sets` in inputs." }),
    description: t.exposeString("description", {
      description: "What it holds, in the words of its `seed.json`; empty without any.",
    }),
    dependsOn: t.stringList({
      description: "The sets that come with it.",
      resolve: ({ dependsOn }) => [...dependsOn],
    }),
  }),
});

const RegionRef = builder.objectRef<Region>("Region").implement({
  description: "A region that db servers stand in.",
  fields: (t) => ({
    name: t.exposeString("name", { description: "Its name: `region` in inputs." }),
    dbServers: t.exposeInt("dbServers", {
      description: "How many db servers of it take new tenants.",
    }),
    freeCapacity: t.exposeInt("freeCapacity", {
      description: "How many more tenants these are meant to hold.",
    }),
  }),
});

builder.queryFields((t) => ({
  slugAvailability: t.field({
    type: SlugAvailabilityRef,
    description:
      "Whether a slug can be given to a new tenant, with the reason and a slug like it. Ask it with any text, such as the tenant's name as it is typed.",
    authScopes: { action: "tenant:provision" },
    args: { slug: t.arg.string({ required: true, description: "The slug, or any text." }) },
    resolve: (_root, { slug }, { em }) => slugAvailability(em(), slug),
  }),
  seedSets: t.field({
    type: [SeedSetRef],
    description: "The seed sets that there are, by name.",
    authScopes: { action: "tenant:read" },
    resolve: async (_root, _args, { platform }) => [
      ...(await openSeedFolder(platform.config.tenantSeeds)).sets.values(),
    ],
  }),
  regions: t.field({
    type: [RegionRef],
    description: "The regions that tenants can be placed in, by name.",
    authScopes: { action: "tenant:provision" },
    resolve: async (_root, _args, { em }) => regionsOf(await candidates(em())),
  }),
}));
