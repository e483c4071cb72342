import { Migration } from "@mikro-orm/migrations";

/** Failed sign-ins, by account and by address, which all processes count together. */
export class Migration0003SignInAttempts extends Migration {
  override up(): void {
    this.addSql(`
      create table platform.sign_in_attempt (
        -- A hash: what was typed stays unknown, whether or not there is such an account.
        key text primary key check (length(key) = 43),
        failures integer not null check (failures > 0),
        since timestamptz not null,
        last_failure_at timestamptz not null,
        -- Whether the audit trail has the first refusal of the present wait.
        refusal_told boolean not null default false
      );
      create index sign_in_attempt_last_failure_at_idx on platform.sign_in_attempt (last_failure_at);
    `);
  }
}
