import { Migration } from "@mikro-orm/migrations";

/**
 * What the platform database turned out to have lost, as after a failover to a standby that lagged. While
 * such a row is not accepted, nobody is let in by the API.
 */
export class Migration0022LostHistory extends Migration {
  override up(): void {
    this.addSql(`
      create table platform.lost_history (
        id bigint generated always as identity primary key,
        noticed_at timestamptz not null default now(),
        -- Where something was noted that is not here.
        place text not null,
        -- The link of the audit chain that was noted there; null where a fence token tells.
        noted_sequence bigint,
        noted_at timestamptz,
        -- The newest link that was noted and is still here; null where none is known.
        kept_sequence bigint,
        kept_at timestamptz,
        -- The greatest fence token of a db server that was never drawn here.
        token bigint,
        -- What was noted in an era before this one tells nothing any more once this row is accepted.
        era integer not null,
        accepted_at timestamptz,
        accepted_by text,
        reason text
      );
      create unique index lost_history_open on platform.lost_history ((true)) where accepted_at is null;
    `);
  }
}
