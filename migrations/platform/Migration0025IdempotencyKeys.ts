import { Migration } from "@mikro-orm/migrations";

/** The answers of mutations that were sent with an idempotency key, to be given again for 30 days. */
export class Migration0025IdempotencyKeys extends Migration {
  override up(): void {
    this.addSql(`
      create table platform.idempotency_key (
        actor_kind text not null,
        actor_id text not null,
        mutation text not null,
        key text not null check (length(key) between 1 and 255),
        -- Encrypted: the request may hold a password, the answer a token or a one-time password.
        nonce bytea not null,
        ciphertext bytea not null,
        made_at timestamptz not null,
        primary key (actor_kind, actor_id, mutation, key)
      );
      create index idempotency_key_made_at_idx on platform.idempotency_key (made_at);
    `);
  }
}
