import type { FilePlace } from "./check-migrations.ts";

type Refused = Pick<FilePlace, "statement" | "why">;

/** One kind of refusal, by its statement or its reason, and what to write in its place. */
interface Advice {
  readonly statement?: RegExp;
  readonly why?: RegExp;
  readonly instead: string;
}

/** The first that fits counts. */
const ADVICE: readonly Advice[] = [
  {
    statement: /^copy\b/i,
    instead: "Write INSERT statements, or put the rows into a seed set.",
  },
  {
    statement: /^\\/,
    instead:
      "Lines that begin with a backslash are commands of psql: write their SQL, or leave them out.",
  },
  {
    statement: /^(create|alter|drop|reassign)\s+(role|user|group|owned)\b/i,
    instead:
      "Roles belong to the server: leave it out. Tenantry makes an owner and an application role for each tenant; others are made by whoever runs the server.",
  },
  {
    why: /GRANT or REVOKE of a role/,
    instead:
      "Roles belong to the server: leave it out, and let whoever runs the server make members.",
  },
  {
    statement:
      /^(create|alter|drop)\s+(database|tablespace|publication|subscription|event\s+trigger|server|foreign\s+data|user\s+mapping|access\s+method)\b/i,
    instead:
      "It concerns more than one tenant: leave it out, and let whoever runs the server do it.",
  },
  {
    statement: /^alter\s+system\b/i,
    instead: "Settings of the server are its operator's: leave it out.",
  },
  {
    why: /no file creates it|names qualified with a database/,
    instead:
      "Leave the schema's name out; or create the schema in a file of the folder, which then needs isolation DATABASE.",
  },
  {
    why: /cannot be put in another's place/,
    instead:
      "Leave the schema's name out here: a name without one is found in the tenant's schema. In dynamic SQL use format('%I', …) with the name alone.",
  },
  {
    why: /CONCURRENTLY needs a name/,
    instead: "Give the index a name: CREATE INDEX CONCURRENTLY name ON …",
  },
  {
    statement: /^(rollback|abort|savepoint|release|prepare\s+transaction)\b/i,
    instead:
      "Leave it out: a file that fails is rolled back by itself, and tried again as a whole.",
  },
  {
    why: /^BEGIN within/,
    instead: "End each BEGIN with a COMMIT, or leave both out: a file is one transaction anyway.",
  },
  {
    statement: /^(vacuum|explain|checkpoint|load|discard)\b/i,
    instead: "Leave it out: it changes nothing that a tenant's schema consists of.",
  },
  {
    why: /^functions in the language|^CREATE LANGUAGE/,
    instead: "Write the function in sql or plpgsql.",
  },
  {
    why: /are reserved|names beginning with "tenantry_"/,
    instead: "Give it another name: those that begin with tenantry_ are Tenantry's.",
  },
  {
    statement: /^(set|reset)\b/i,
    instead: "Leave it out: the statements of a file run with the settings that every tenant has.",
  },
  {
    statement: /^reindex\b/i,
    instead: "Name the index or the table: REINDEX TABLE …",
  },
  {
    why: /OWNER TO beside other changes/,
    instead: "Leave OWNER TO out: everything is owned by the tenant's owner role.",
  },
  {
    why: /^SET TABLESPACE/,
    instead: "Leave it out: where a server keeps its files is its operator's.",
  },
];

/** What to write instead of a refused statement, in a sentence; null where there is nothing to say. */
export function insteadOf(refused: Refused): string | null {
  const fits = ({ statement, why }: Advice) =>
    (statement?.test(refused.statement.trim()) ?? true) && (why?.test(refused.why) ?? true);
  return ADVICE.find(fits)?.instead ?? null;
}
