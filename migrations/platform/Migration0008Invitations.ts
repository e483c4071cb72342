import { Migration } from "@mikro-orm/migrations";

/** Invitations that are sent again, and such that no operation made. */
export class Migration0008Invitations extends Migration {
  override up(): void {
    this.addSql(`
      alter table platform.invitation
        alter column operation_id drop not null,
        add column role text not null default 'OWNER' check (role in ('OWNER', 'ADMIN', 'MEMBER')),
        -- How many mails with a link there were; each link replaces the one before.
        add column times_sent integer not null default 0,
        add column sent_at timestamptz;

      update platform.invitation set times_sent = 1, sent_at = created_at where kind = 'INVITATION';
    `);
  }
}
