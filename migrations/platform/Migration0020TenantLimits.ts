import { Migration } from "@mikro-orm/migrations";

/** What one tenant may take of its db server, where it is not what its tier may. */
export class Migration0020TenantLimits extends Migration {
  override up(): void {
    this.addSql(`
      alter table platform.tenant
        add column connection_limit integer check (connection_limit > 0),
        add column statement_timeout_seconds integer check (statement_timeout_seconds >= 0),
        add column idle_in_transaction_timeout_seconds integer
          check (idle_in_transaction_timeout_seconds >= 0);
    `);
  }
}
