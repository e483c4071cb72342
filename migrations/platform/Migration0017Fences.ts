import { Migration } from "@mikro-orm/migrations";

/**
 * Tokens that fence an operation's effects: each claim of an operation, and each takeover, draws the next
 * one, over all operations.
 */
export class Migration0017Fences extends Migration {
  override up(): void {
    this.addSql(`
      create sequence platform.fence_token;
      alter table platform.operation
        add column fence_token bigint,
        add column taken_over_at timestamptz;
      create index operation_taken_over on platform.operation (taken_over_at)
        where taken_over_at is not null;
    `);
  }
}
