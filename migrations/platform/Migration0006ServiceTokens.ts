import { Migration } from "@mikro-orm/migrations";

/** Tokens for scripts, and signing keys that take turns. */
export class Migration0006ServiceTokens extends Migration {
  override up(): void {
    this.addSql(`
      create table platform.service_token (
        id uuid primary key,
        name text not null,
        role text not null,
        -- SHA-256 of the whole token, in hexadecimal.
        token_hash text not null unique check (length(token_hash) = 64),
        hint text not null,
        created_by_kind text not null,
        created_by_id text not null,
        created_by_name text not null,
        created_at timestamptz not null,
        expires_at timestamptz not null check (expires_at > created_at),
        last_used_at timestamptz,
        revoked_at timestamptz
      );

      alter table platform.signing_key
        add column signs_from timestamptz,
        add column verifies_until timestamptz,
        add column purged_at timestamptz;
      update platform.signing_key
        set signs_from = created_at, verifies_until = retired_at + interval '30 minutes';
      alter table platform.signing_key
        alter column signs_from set not null,
        -- A process of the version before makes keys without it.
        alter column signs_from set default now(),
        add check (verifies_until is null or retired_at <= verifies_until);
    `);
  }
}
