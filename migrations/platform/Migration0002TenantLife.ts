import { Migration } from "@mikro-orm/migrations";

/** What the registry keeps of a tenant's life after its provisioning. */
export class Migration0002TenantLife extends Migration {
  override up(): void {
    this.addSql(`
      alter table platform.tenant
        add column seed_sets text[] not null default '{}',
        -- Set while the tenant is offboarded: what it goes back to, and when it may be purged.
        add column offboarded_from text check (offboarded_from in ('ACTIVE', 'SUSPENDED')),
        add column purge_after timestamptz,
        add column locked_at timestamptz,
        add column lock_reason text,
        add check ((status = 'OFFBOARDED') = (purge_after is not null)),
        add check ((locked_at is null) = (lock_reason is null));
      create index tenant_schema_version_idx on platform.tenant (schema_version);
    `);
  }
}
