import { checkMigrations, MigrationCheck } from "../operations/migration-check/check-migrations.ts";
import { builder } from "./builder.ts";
import { objectOf } from "./generate/types.ts";

builder.queryField("migrationCheck", (t) =>
  t.field({
    type: objectOf(MigrationCheck),
    description:
      "Reads the service's folder of tenant migrations and says what would become of it: order, isolation, and whatever is refused. Makes nothing and asks no db server. For administrators.",
    authScopes: { action: "migration:check" },
    resolve: (_root, _args, { platform }) => checkMigrations(platform.config.tenantMigrations),
  }),
);
