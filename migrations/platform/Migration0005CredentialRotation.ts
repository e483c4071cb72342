import { Migration } from "@mikro-orm/migrations";

/** When a tenant's credentials were rotated, and which login is still open after that. */
export class Migration0005CredentialRotation extends Migration {
  override up(): void {
    this.addSql(`
      alter table platform.tenant
        add column credentials_rotated_at timestamptz,
        add column retiring_role text,
        add column retiring_until timestamptz,
        add check ((retiring_role is null) = (retiring_until is null)),
        add check (retiring_role <> app_role);
      -- App roles' passwords are derived from a key of their own.
      alter table platform.signing_key
        drop constraint signing_key_purpose_check,
        add constraint signing_key_purpose_check
          check (purpose in ('ACCESS', 'INVITATION', 'APP_PASSWORD'));
    `);
  }
}
