import { Migration } from "@mikro-orm/migrations";

/** The registry notes which version of a tenant's secret is current: what is newer was written late. */
export class Migration0018SecretVersions extends Migration {
  override up(): void {
    this.addSql(`
      -- Null where there is no secret, and until the one of a tenant of an earlier version was looked at.
      alter table platform.tenant add column secret_version text;
      create index tenant_secret_name_idx on platform.tenant (secret_name);
    `);
  }
}
