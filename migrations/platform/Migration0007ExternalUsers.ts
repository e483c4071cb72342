import { Migration } from "@mikro-orm/migrations";

/** Platform users of an external issuer: they have no password, and their email is theirs alone there. */
export class Migration0007ExternalUsers extends Migration {
  override up(): void {
    this.addSql(`
      alter table platform.platform_user
        alter column password_hash drop not null,
        add column issuer text,
        add column subject text,
        -- When the newest token was issued that was seen: name, email and role are as it said.
        add column token_issued_at timestamptz,
        -- Set while the newest token grants no role here.
        add column role_withdrawn_at timestamptz,
        add check ((issuer is null) = (password_hash is not null)),
        add check ((issuer is null) = (subject is null)),
        add check ((issuer is null) = (token_issued_at is null)),
        add check (issuer is not null or role_withdrawn_at is null),
        add unique (issuer, subject),
        drop constraint platform_user_email_key;
      create unique index platform_user_local_email_key on platform.platform_user (email)
        where issuer is null;
    `);
  }
}
