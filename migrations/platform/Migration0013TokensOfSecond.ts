import { Migration } from "@mikro-orm/migrations";

/** Tells the tokens of one second apart, by which an external user's role may change more than once. */
export class Migration0013TokensOfSecond extends Migration {
  override up(): void {
    this.addSql(`
      alter table platform.platform_user
        -- By hash, in the order they came; the newest counts.
        add column tokens_of_second text[] not null default '{}';
    `);
  }
}
