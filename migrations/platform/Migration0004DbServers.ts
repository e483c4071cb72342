import { Migration } from "@mikro-orm/migrations";

/** What operators note of a db server. */
export class Migration0004DbServers extends Migration {
  override up(): void {
    this.addSql(`
      alter table platform.db_server
        add column labels jsonb not null default '{}' check (jsonb_typeof(labels) = 'object');
    `);
  }
}
