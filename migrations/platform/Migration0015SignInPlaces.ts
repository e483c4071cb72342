import { Migration } from "@mikro-orm/migrations";

/** Where accounts have signed in from, so that strangers' failures keep nobody out of a known place. */
export class Migration0015SignInPlaces extends Migration {
  override up(): void {
    this.addSql(`
      create table platform.sign_in_place (
        -- Hashes: of the account with the network, and of the account alone.
        key text primary key check (length(key) = 43),
        account text not null check (length(account) = 43),
        signed_in_at timestamptz not null
      );
      create index sign_in_place_account_idx on platform.sign_in_place (account);
      create index sign_in_place_signed_in_at_idx on platform.sign_in_place (signed_in_at);
    `);
  }
}
