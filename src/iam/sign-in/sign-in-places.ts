import type { EntityManager } from "@mikro-orm/postgresql";
import { SignInPlaceEntity } from "./sign-in-place.entity.ts";
import { type AccountName, accountKey, placeKey } from "./sign-in-policy.ts";

const DAY = 86_400_000;
const REMEMBERED_FOR = 30 * DAY;

/** Whether an account has signed in from a place, by its key, within the last 30 days. */
export async function isKnownPlace(em: EntityManager, key: string, now: Date): Promise<boolean> {
  const signedInAt = { $gt: new Date(now.getTime() - REMEMBERED_FOR) };
  return (await em.count(SignInPlaceEntity, { key, signedInAt })) > 0;
}

/** Remembers that an account has signed in from an address; takes some away that are forgotten. */
export async function rememberPlace(
  em: EntityManager,
  { account, address }: { readonly account: AccountName; readonly address: string },
  now: Date,
): Promise<void> {
  await em.execute(
    `insert into platform.sign_in_place (key, account, signed_in_at) values (?, ?, ?)
     on conflict (key) do update set signed_in_at = excluded.signed_in_at`,
    [placeKey(account, address), accountKey(account), now],
  );
  await em.execute(
    `delete from platform.sign_in_place where key in (
       select key from platform.sign_in_place where signed_in_at < ?
       order by signed_in_at limit 10 for update skip locked)`,
    [new Date(now.getTime() - REMEMBERED_FOR)],
  );
}

/** The keys of all places that an account is known at. */
export async function placesOf(em: EntityManager, account: AccountName): Promise<string[]> {
  const places = await em.find(SignInPlaceEntity, { account: accountKey(account) });
  return places.map(({ key }) => key);
}
