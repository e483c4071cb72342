import { z } from "zod";
import { by, type Fields, listed, row, type Teller } from "../terminal/teller.ts";

const Remain = z.object({
  kind: z.string(),
  /** Null for a secret, for whoever may not read its name. */
  name: z.string().nullable(),
  ours: z.boolean(),
});
const People = z.object({
  memberships: z.number(),
  invitations: z.number(),
  mails: z.number(),
  identities: z.number(),
});
const Closed = z.object({ sessionsEnded: z.number().nullable() });
const Offboarding = Closed.extend({
  offboardedFrom: z.string().nullable(),
  purgeAfter: z.string().nullable(),
  purge: z.boolean(),
});
const Cleanup = z.object({
  removed: z.array(Remain),
  remaining: z.array(Remain),
  unsearched: z.array(z.string()),
  people: People.nullable(),
});
const Purge = z.object({
  begun: z.boolean(),
  evidence: z
    .object({
      server: z.string(),
      database: z.string(),
      schema: z.string().nullable(),
      tables: z.number(),
      bytes: z.number(),
    })
    .nullable(),
  people: People.nullable(),
  remaining: z.array(Remain),
});

/** How the results of operations are told that take tenants out of use, or bring them back. */
export const REMOVAL_TELLERS: Readonly<Record<string, Teller>> = {
  SUSPEND: by(Closed, sessionFields),
  OFFBOARD: by(Offboarding, ({ purgeAfter, purge, sessionsEnded }) => [
    ...sessionFields({ sessionsEnded }),
    ...row(
      "to be purged",
      purgeAfter && (purge ? "right behind" : `after ${purgeAfter}, unless it is restored`),
    ),
  ]),
  RESTORE: by(z.object({ status: z.string().nullable() }), ({ status }) =>
    row("status", status && `${status} again`),
  ),
  CLEANUP: by(Cleanup, ({ removed, remaining, unsearched, people }) => [
    ["removed", named(removed)],
    ["still there", named(remaining)],
    ...row("not searched", unsearched.length > 0 && listed(unsearched)),
    ...peopleFields(people),
  ]),
  PURGE: by(Purge, ({ begun, evidence, people, remaining }) => [
    ...row(
      "what stood",
      evidence &&
        `schema ${evidence.schema ?? "none"} in ${evidence.database} on ${evidence.server}: ${evidence.tables} tables, ${evidence.bytes} bytes`,
    ),
    ...row("way back", begun && people === null && "none: run it again to go on"),
    ...peopleFields(people),
    ...row("still there", remaining.length > 0 && named(remaining)),
  ]),
};

function sessionFields({ sessionsEnded }: z.infer<typeof Closed>): Fields {
  return row("sessions ended", sessionsEnded === null ? null : String(sessionsEnded));
}

const named = (remains: readonly z.infer<typeof Remain>[]): string =>
  listed(
    remains.map(
      ({ kind, name, ours }) =>
        `${kind}${name === null ? "" : ` ${name}`}${ours ? "" : " (not ours)"}`,
    ),
  );

const peopleFields = (people: z.infer<typeof People> | null): Fields =>
  row(
    "people",
    people &&
      `${people.memberships} memberships, ${people.invitations} invitations, ${people.mails} mails, ${people.identities} identities removed`,
  );
