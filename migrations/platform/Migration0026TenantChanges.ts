import { Migration } from "@mikro-orm/migrations";

/** Tells followers of each tenant whose row changes, whichever program writes it. */
export class Migration0026TenantChanges extends Migration {
  override up(): void {
    this.addSql(`
      create function platform.tell_tenant_changed() returns trigger language plpgsql as $$
      begin
        perform pg_catalog.pg_notify('tenantry_tenant', new.id::text);
        return null;
      end $$;
      create trigger tenant_changed after insert or update on platform.tenant
        for each row execute function platform.tell_tenant_changed();
    `);
  }
}
