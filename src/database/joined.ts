import type { EntityManager, Orm } from "./orm.ts";

/** An ORM whose transactions are part of another one. */
export type JoinedOrm = Pick<Orm, "em">;

/**
 * The ORM inside an open transaction: its forks work there, and a transaction that one of them begins is a
 * savepoint. So functions that begin their own transactions become part of a larger one.
 */
export function joined(transaction: EntityManager): JoinedOrm {
  const em = transaction.fork({ keepTransactionContext: true });
  const fork = em.fork.bind(em);
  em.fork = (options) => fork({ ...options, keepTransactionContext: true });
  return { em } as JoinedOrm;
}
