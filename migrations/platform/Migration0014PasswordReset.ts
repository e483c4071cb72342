import { Migration } from "@mikro-orm/migrations";

/** A new password for tenants' users who have forgotten theirs: one link a person, the newest. */
export class Migration0014PasswordReset extends Migration {
  override up(): void {
    this.addSql(`
      alter table platform.identity
        -- SHA-256 of the link's token, in hexadecimal.
        add column reset_token_hash text unique check (length(reset_token_hash) = 64),
        add column reset_expires_at timestamptz,
        -- The tenant that it was asked for from.
        add column reset_tenant_id uuid references platform.tenant (id),
        add check ((reset_token_hash is null) = (reset_expires_at is null)),
        add check ((reset_token_hash is null) = (reset_tenant_id is null));
    `);
  }
}
