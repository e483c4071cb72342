import { Migration } from "@mikro-orm/migrations";

/** Tenants that begin without a first administrator. */
export class Migration0024TenantWithoutAdmin extends Migration {
  override up(): void {
    this.addSql("alter table platform.tenant alter column admin_email drop not null;");
  }
}
