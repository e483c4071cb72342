import type { EntityManager } from "@mikro-orm/postgresql";

// A row is bad when its hash is not that of its content, or when it does not follow the row before
// it; a tail that was cut off shows in the head, which is kept apart from the rows.
const FIRST_BAD_ROW = `
  with chained as (
    select sequence, hash, prev_hash,
      platform.audit_hash(prev_hash, sequence, event) as recomputed,
      lag(hash, 1, repeat('0', 64)) over chain as hash_before,
      lag(sequence, 1, 0::bigint) over chain as sequence_before
    from platform.audit_event event
    window chain as (order by sequence)
  ), bad as (
    select coalesce(sequence, 0) as sequence from chained
    where hash is distinct from recomputed
      or prev_hash is distinct from hash_before
      or sequence is distinct from sequence_before + 1
    union all
    select coalesce(newest.sequence, 0) + 1
    from platform.audit_head head
    left join lateral (
      select sequence, hash from platform.audit_event
      where sequence is not null order by sequence desc limit 1
    ) newest on true
    where head.sequence <> coalesce(newest.sequence, 0)
      or head.hash <> coalesce(newest.hash, repeat('0', 64))
    union all
    select 0 where not exists (select from platform.audit_head)
  )
  select min(sequence)::text as sequence from bad`;

/** A link of the chain. The newest is 0 and 64 zeros while the trail is empty. */
export interface ChainLink {
  readonly sequence: number;
  readonly hash: string;
}

/** Reads the newest link of the chain, to be noted elsewhere: whoever rewrites the chain changes it. */
export async function chainHead(em: EntityManager): Promise<ChainLink | null> {
  const [head] = await em.execute<{ sequence: string; hash: string }[]>(
    "select sequence::text, hash from platform.audit_head",
  );
  return head ? { ...head, sequence: Number(head.sequence) } : null;
}

/**
 * Whether a link of the chain is the one that was noted elsewhere. It is not where the newest rows were
 * removed together with the head, or the chain was made anew: neither shows in the chain itself.
 */
export async function hasLink(em: EntityManager, noted: ChainLink): Promise<boolean> {
  const rows = await em.execute<unknown[]>(
    "select 1 from platform.audit_event where sequence = ? and hash = ?",
    [noted.sequence, noted.hash],
  );
  return rows.length === 1;
}

/**
 * Recomputes the whole chain of the audit trail in the database, as one statement sees it: others may
 * write meanwhile.
 *
 * @returns the sequence of the first row that was changed, was inserted past the chain or follows a
 *   removed one (one past the newest where the removed ones were the last; 0 for a row that has no
 *   sequence, or where the chain's head is gone); null when the trail is whole
 */
export async function verifyAuditChain(em: EntityManager): Promise<bigint | null> {
  const rows = await em.execute<{ sequence: string | null }[]>(FIRST_BAD_ROW);
  const sequence = rows[0]?.sequence ?? null;
  return sequence === null ? null : BigInt(sequence);
}
