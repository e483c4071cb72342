import { Migration } from "@mikro-orm/migrations";

/** Workers say how long they live without a heartbeat, and what they can run. */
export class Migration0019Workers extends Migration {
  override up(): void {
    this.addSql(`
      alter table platform.worker
        add column time_to_live interval not null default '6 seconds',
        -- The phases of each kind of operation; null for a version that does not say.
        add column kinds jsonb,
        -- SHA-256 over the migration folder and the seeds; null where one of them is refused.
        add column folder text check (length(folder) = 64);
      -- The folder of the worker that began the operation, for kinds that apply files.
      alter table platform.operation add column folder text check (length(folder) = 64);
    `);
  }
}
