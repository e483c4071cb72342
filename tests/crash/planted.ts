import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Lane } from "./lane.ts";
import type { Ran } from "./run-case.ts";

const OF_OPERATION = `query ($id: ID!) {
  operation(id: $id) {
    id kind state slug error { code message nextAction } phases { name state note error { message } }
    result { __typename }
    events(first: 100) { nodes { __typename ... on OperationStateChanged { error { message } }
      ... on PhaseStateChanged { phase note error { message } } ... on PhaseProgressed { message } } }
  }
}`;
const OF_TENANT = `query ($slug: String!) {
  tenant(by: { slug: $slug }) { id slug status failure { code message } adminEmail }
  auditEvents(filter: { slug: $slug }, first: 50) { nodes { type detail } }
}`;

/** Secrets that stand somewhere: in logs, in tables, in answers of the API. */
export async function plantedIn(lane: Lane, ran: Ran): Promise<string[]> {
  const planted = [
    ...new Set([
      ...(await lane.planted()),
      ...(await secretsOf(lane, ran.slug)),
      ...(await tokensIn(lane)),
    ]),
  ];
  const asked = await answersOf(lane, ran);
  return [
    ...planted
      .filter((secret) => ran.logs.includes(secret))
      .map((secret) => `a log holds ${shown(secret)}`),
    ...planted
      .filter((secret) => asked.includes(secret))
      .map((secret) => `an answer holds ${shown(secret)}`),
    ...(await tablesWith(lane, planted)),
  ];
}

const shown = (secret: string): string => `a secret that begins with ${secret.slice(0, 4)}`;

/** The passwords that the tenant's secret has held. */
async function secretsOf(lane: Lane, slug: string): Promise<string[]> {
  const names = (await lane.secretNames()).filter((name) => name.includes(slug));
  const values = await Promise.all(names.map((name) => lane.valuesOf(name)));
  return values.flat().map((value) => decodeURIComponent(new URL(value).password));
}

/** The tokens of the links that were mailed. */
async function tokensIn({ dataDir }: Lane): Promise<string[]> {
  const folder = join(dataDir, "mail");
  const files = await readdir(folder).catch(() => []);
  const texts = await Promise.all(
    files
      .filter((file) => file.endsWith(".eml"))
      .map((file) => readFile(join(folder, file), "utf8")),
  );
  // Long lines are broken with `=`, which itself is written `=3D`.
  return texts.flatMap((text) => {
    const whole = text.replaceAll("=\r\n", "").replaceAll("=3D", "=");
    return [...whole.matchAll(/[?&#/=]([\w-]{40,})/g)].map(([, token]) => token ?? "");
  });
}

async function answersOf(lane: Lane, { slug, ids }: Ran): Promise<string> {
  const caller = await lane.caller();
  const answers = await Promise.all([
    caller.send(OF_OPERATION, { id: ids.operation }),
    caller.send(OF_OPERATION, { id: ids.next }),
    caller.send(OF_TENANT, { slug }),
  ]);
  const text = JSON.stringify(answers);
  const [fault] = answers.flatMap(({ errors = [] }) => errors);
  if (fault) throw new Error(`The API answers ${JSON.stringify(fault)}`);
  return text;
}

/** Every table of the platform and of the engine, by whether a row holds one of the secrets. */
async function tablesWith({ sql }: Lane, secrets: readonly string[]): Promise<string[]> {
  const { rows: tables } = await sql.query<{ name: string }>(
    "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('platform', 'dbos')",
  );
  const pattern = secrets.map((secret) => secret.replace(/[^\w]/g, "\\$&")).join("|");
  const looks = tables.map(
    ({ name }) =>
      `select '${name}' as name where exists (select from ${name} t where t::text ~ $1)`,
  );
  const { rows } = await sql.query<{ name: string }>(looks.join(" union all "), [pattern]);
  return rows.map(({ name }) => `the table ${name} holds a secret`);
}
