import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { OPERATIONS } from "./operations.ts";
import { WAYS, type Way } from "./units.ts";

/** What a sweep keeps of each point, one a line. */
export interface Result {
  readonly commit: string;
  readonly seed: number;
  readonly operation: string;
  readonly way: Way;
  readonly n: number;
  /** Null where the operation had ended before. */
  readonly phase: string | null;
  readonly violations: number;
  /** When it ended, in seconds behind the beginning of its run. */
  readonly atS: number;
}

export const PAGE = join(import.meta.dirname, "../../docs/reliability.md");

/** Writes the page from the results of one or more runs. */
export async function writeReport(files: readonly string[]): Promise<void> {
  const runs = await Promise.all(
    files.map(async (file) =>
      (await readFile(file, "utf8"))
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Result),
    ),
  );
  await writeFile(PAGE, pageOf(runs.filter((run) => run.length > 0)));
}

/** The page, of which `head` and the columns do not depend on what was found. */
export function pageOf(runs: readonly (readonly Result[])[]): string {
  const all = runs.flat();
  const reached = all.filter(({ phase }) => phase !== null);
  const seconds = runs.map((run) => Math.max(0, ...run.map(({ atS }) => atS)));
  const commits = [...new Set(all.map(({ commit }) => commit))];
  const seeds = [...new Set(all.map(({ seed }) => seed))];
  const tries = [
    ...Map.groupBy(all, ({ operation, way, n }) => `${operation}:${way}:${n}`).values(),
  ];
  const points = tries.filter((some) => some.some(({ phase }) => phase !== null)).length;
  const violated = tries.filter((some) => some.some(({ violations }) => violations > 0));
  const mended = violated.filter((some) => some.at(-1)?.violations === 0).length;
  const cells = new Set(reached.map(({ operation, way, phase }) => `${operation} ${way} ${phase}`));
  return [
    HEAD,
    "## What was tried",
    "",
    `${points} points in ${reached.length} cases; points with a violation: ${violated.length}, of which ${mended} had none when tried again later.`,
    `${cells.size} combinations of operation, way and phase. Beside them ${all.length - reached.length} were drawn whose`,
    "operation had ended before: they do not count.",
    `Commit ${commits.join(", ")}; seed ${seeds.join(", ")}; ${runs.length} runs, ${seconds.reduce((sum, each) => sum + each, 0)} s together.`,
    "",
    `| operation | ${WAYS.join(" | ")} | violations |`,
    `|---|${WAYS.map(() => "---:|").join("")}---:|`,
    ...OPERATIONS.map(({ name }) => rowOf(name, reached)),
    "",
    TAIL,
  ].join("\n");
}

function rowOf(name: string, results: readonly Result[]): string {
  const own = results.filter(({ operation }) => operation === name);
  const counts = WAYS.map((way) => own.filter((result) => result.way === way).length);
  const bad = own.filter(({ violations }) => violations > 0).length;
  return `| \`${name}\` | ${counts.join(" | ")} | ${bad} |`;
}

const HEAD = `# Reliability

Written by \`npm run test:crash -- --report <results>\`; do not edit.

## The fault model

Two workers share a platform. One of them is behind a proxy to PostgreSQL and, where the secrets are kept in
Key Vault, behind one to the vault. The proxies count its requests: each query, each batch that ends with Sync,
each HTTP request. At request N of an operation one of these befalls the worker:

| way | what happens |
|---|---|
| \`kill-before\` | SIGKILL; the request never arrives |
| \`kill-after\` | the request is done, SIGKILL before its answer |
| \`cut\` | the request is done, the connection ends before its answer; the worker lives |
| \`freeze\` | SIGSTOP with the request held back; another worker finishes the operation, then the request goes on and the worker wakes |
| \`late\` | the same, and the next operation on the slug has ended, too, before the worker wakes |

The other worker carries on. Points are drawn with a seed: first each operation × way × phase once, then any.

Behind each case these hold:

- The operation has one terminal state, the expected one, in the registry and in the engine; its journal has
  no gap and one end; there is one TENANT_PROVISIONED for each provisioning that succeeded.
- Registry, schemas, databases, roles with their marks, rights and settings, secrets, identities, memberships,
  invitations, mails, timers and audit facts are those of an undisturbed run, and so are the catalogs and the
  row counts of the tenant's schema. The doctor finds nothing, and no orphan. One audit fact may be there beside
  them: TENANT_SECRET_RESTORED tells that a version of the secret which the struck worker had not noted was replaced.
- The stored secret logs in, and of the older ones those that do in an undisturbed run: none, or the one whose
  grace period runs. Key Vault knows no conditions: what a frozen worker has written there late is replaced within
  15 s, and that is waited for.
- Two bystanders, one in each isolation, are unchanged. No session is left idle in a transaction.
- No planted secret (the server's password, applications' passwords, tokens of links in mails, the master key)
  stands in a log, in a table of the schemas \`platform\` and \`dbos\` or in an answer of the API; nothing was
  logged as E_INTERNAL.
- The next operation on the slug succeeds, and leaves what it leaves after an undisturbed run.

## How to run it

\`npm run test:crash\` tries 2,000 points. \`-- --points 500 --seed 7 --lanes 4\` draws others;
\`-- --operations purge,rotate\` only some; \`-- --only purge:late:120\` replays one, as each violation says. The
order of an operation's requests is the same each time but for what runs beside it (mail, heartbeats), so that a
replay meets the same request or one next to it. \`-- --sample\` is the part of CI. \`--out <file>\` keeps the
results, and \`--report <file>\`, once for each run, writes this page. An operation is added by an entry in
\`tests/crash/operations.ts\`.
`;

const TAIL = `## What is not covered

- More than one fault in a case, and faults of the worker that carries on.
- Faults of PostgreSQL itself: restarts, failovers and full disks have tests of their own.
- A network that loses or delays packets without ending a connection, and networks between several hosts.
- Applications at work in the tenant's schema meanwhile; only a login is tried.
- The bundled tenant schema and Citus clusters: the sweep's schema has three migrations.
- Key Vault itself: an emulator of its REST protocol answers, without throttling and eventual consistency.
- SMTP: mails go to files.
- How many rows an operation says that it added: its last attempt's. How many there are is compared.
- Dry runs, and what doors do without an operation (users, tokens, invitations, db servers).
`;
