import { Migration } from "@mikro-orm/migrations";

/** Labels of tenants, and what lists are sorted and filtered by. */
export class Migration0023TenantLists extends Migration {
  override up(): void {
    this.addSql(`
      alter table platform.tenant
        add column labels jsonb not null default '{}' check (jsonb_typeof(labels) = 'object');
      create index tenant_labels_idx on platform.tenant using gin (labels jsonb_path_ops);
      create index tenant_slug_order_idx on platform.tenant (slug, id);
      create index tenant_name_order_idx on platform.tenant (name, id);
      create index tenant_updated_order_idx on platform.tenant (updated_at, id);
      create index tenant_version_order_idx on platform.tenant (coalesce(schema_version, ''), id);
      create index operation_slug_order_idx on platform.operation (subject_name, id);
      drop index platform.operation_updated_idx;
      create index operation_updated_order_idx on platform.operation (updated_at, id);
    `);
  }
}
