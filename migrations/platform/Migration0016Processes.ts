import { Migration } from "@mikro-orm/migrations";

/**
 * Processes say which migration folder they have, and a worker that was stopped says since when: where none
 * is left, that is known for a day.
 */
export class Migration0016Processes extends Migration {
  override up(): void {
    this.addSql(`
      alter table platform.worker add column stopped_at timestamptz;
      create table platform.process (
        id uuid primary key,
        duty text not null,
        host text not null,
        pid integer not null,
        -- SHA-256 over ids and checksums of the migrations; null where the folder is refused.
        folder_hash text check (length(folder_hash) = 64),
        folder_files integer not null default 0,
        seen_at timestamptz not null default now()
      );
    `);
  }
}
