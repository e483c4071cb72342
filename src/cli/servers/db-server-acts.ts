import type {
  CommandDbServerFragment,
  RegisterDbServerInput,
} from "../../client/generated/graphql.ts";
import type { AdminPassword } from "../../placement/admin-password.ts";
import { DbServerKind, DbServerStatus, DbServerTlsMode } from "../../placement/db-server-enums.ts";
import { payloadOf } from "../api/api.ts";
import { type Local, runAnywhere, type Session } from "../session.ts";
import { EXIT, UsageError } from "../terminal/exit-codes.ts";
import { givenFields, oneOf } from "../terminal/flag-values.ts";
import { passwordFromPipe } from "../terminal/password-input.ts";
import { writeTable } from "../terminal/table.ts";
import { addressOf, writeClusters } from "./clusters.ts";
import {
  CheckDbServers,
  FindDbServer,
  ListDbServers,
  RegisterDbServer,
  SetDbServerStatus,
  UpdateDbServer,
} from "./documents.ts";

/** The flags of `db-server add`. */
export interface AddFlags {
  readonly name: string;
  readonly region?: string;
  readonly host?: string;
  readonly port?: string;
  readonly tls?: string;
  readonly kind?: string;
  readonly capacity?: string;
  readonly adminSecret?: string;
  readonly adminUser?: string;
  readonly adminDatabase?: string;
  readonly passwordStdin?: boolean;
  readonly label?: readonly string[];
  readonly json?: boolean;
}

/** The flags of `db-server update`. */
export interface UpdateFlags extends AddFlags {
  readonly status?: string;
  readonly reason?: string;
}

/** The flags of `db-server check`. */
export interface StatusFlags {
  readonly name?: string;
  readonly json?: boolean;
}

/** `tenantry db-server add`. */
export async function addDbServer(flags: AddFlags): Promise<void> {
  const request = requestOf(flags);
  const missing = (["region", "host", "adminSecretRef"] as const).filter((at) => !(at in request));
  if (missing.length > 0) {
    const named = { region: "--region", host: "--host", adminSecretRef: "--admin-secret" };
    throw new UsageError(`Missing: ${missing.map((field) => named[field]).join(", ")}`);
  }
  const input = request as unknown as RegisterDbServerInput;
  const admin = await adminOf(flags);
  return await runAnywhere(flags, async (session) => {
    const server =
      admin === null
        ? payloadOf((await session.api.execute(RegisterDbServer, { input })).changed).dbServer
        : await withPassword(session, ({ registerDbServer }, { platform, actor }) =>
            registerDbServer(platform, actor, input, admin),
          );
    return tell(session, flags, server, "is ready and takes tenants");
  });
}

/** `tenantry db-server update`: its fields first, then its status. */
export async function changeDbServer(flags: UpdateFlags): Promise<void> {
  const { name } = flags;
  const status = oneOf("--status", flags.status, DbServerStatus.options);
  if (!status && flags.reason !== undefined)
    throw new UsageError("--reason says why --status changes");
  const input = { ...requestOf(flags), name };
  const admin = await adminOf(flags);
  return await runAnywhere(flags, async (session) => {
    const { api } = session;
    let server =
      admin === null
        ? payloadOf((await api.execute(UpdateDbServer, { input })).changed).dbServer
        : await withPassword(session, ({ updateDbServer }, { platform, actor }) =>
            updateDbServer(platform, actor, input, admin),
          );
    if (status) {
      const change = { name, status, ...givenFields({ reason: flags.reason }) };
      const { changed } = await api.execute(SetDbServerStatus, { input: change });
      server = payloadOf(changed).dbServer;
    }
    return tell(session, flags, server, `is ${server.status}`);
  });
}

type Acts = typeof import("../../placement/db-servers.ts");

/**
 * Does what brings an admin's password along: none passes through the API.
 *
 * @throws UsageError over the API
 */
async function withPassword(
  { api, local }: Session,
  act: (acts: Acts, local: Local) => Promise<{ readonly id: string }>,
): Promise<CommandDbServerFragment> {
  if (local === null)
    throw new UsageError(
      "No password passes through the API: store the secret and leave --admin-user out, or unset TENANTRY_TOKEN",
    );
  const { id } = await act(await import("../../placement/db-servers.ts"), local);
  return (await api.execute(FindDbServer, { id })).node as CommandDbServerFragment;
}

/** `tenantry db-server list`. */
export async function listDbServers(flags: { readonly json?: boolean }): Promise<void> {
  return await runAnywhere(flags, async ({ api, out }) => {
    const { dbServers } = await api.execute(ListDbServers, {});
    if (flags.json) for (const server of dbServers) out.json(serverJson(server));
    else {
      const heading = [
        "NAME",
        "REGION",
        "KIND",
        "STATUS",
        "TENANTS",
        "CAPACITY",
        "FREE",
        "LOAD",
        "ADDRESS",
      ];
      writeTable(out, heading, dbServers.map(rowOf));
      writeClusters(out, dbServers);
    }
    return EXIT.ok;
  });
}

/** `tenantry db-server check`. */
export async function checkDbServers(flags: StatusFlags): Promise<void> {
  return await runAnywhere(flags, async ({ api, out }) => {
    const { dbServerChecks } = await api.execute(CheckDbServers, { name: flags.name ?? null });
    for (const { dbServer, probed, fault, warnings, ms } of dbServerChecks) {
      const { name, status } = dbServer;
      if (flags.json)
        out.json({ name, status, ok: fault === null, ...probed, fault, warnings, ms });
      else if (fault !== null) out.line(`${out.style("red", "✘")} ${fault}`);
      else {
        const admin = probed?.superuser ? "superuser" : "CREATEDB and CREATEROLE";
        const citus = probed?.citus ? `, Citus ${probed.citus}` : "";
        const told = `PostgreSQL ${probed?.version}${citus}, admin is ${admin}, ${ms} ms`;
        out.line(`${out.style("green", "✔")} ${name}  ${status}  ${told}`);
      }
      if (!flags.json) for (const warning of warnings) out.line(`  note: ${warning}`);
    }
    return dbServerChecks.every(({ fault }) => fault === null) ? EXIT.ok : EXIT.failed;
  });
}

function requestOf(flags: AddFlags): Record<string, unknown> {
  return givenFields({
    name: flags.name,
    region: flags.region,
    host: flags.host,
    port: numberOf("--port", flags.port),
    kind: oneOf("--kind", flags.kind, DbServerKind.options),
    tlsMode: oneOf("--tls", flags.tls, DbServerTlsMode.options),
    capacityHint: numberOf("--capacity", flags.capacity),
    adminSecretRef: flags.adminSecret,
    labels: flags.label && labelsOf(flags.label),
  });
}

function numberOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text))
    throw new UsageError(`${flag} must be a whole number, not '${text}'`);
  return Number(text);
}

/** What is given twice counts as it was given last. */
const labelsOf = (texts: readonly string[]) =>
  [...new Map(texts.map(labelOf))].map(([key, value]) => ({ key, value }));

function labelOf(text: string): [string, string] {
  const at = text.indexOf("=");
  if (at < 1) throw new UsageError(`--label must be key=value, not '${text}'`);
  return [text.slice(0, at), text.slice(at + 1)];
}

async function adminOf(flags: AddFlags): Promise<AdminPassword | null> {
  const { adminUser, adminDatabase, passwordStdin } = flags;
  if (adminUser === undefined && adminDatabase === undefined && !passwordStdin) return null;
  if (adminUser === undefined || !passwordStdin)
    throw new UsageError("--admin-user and --password-stdin go together");
  return { user: adminUser, password: await passwordFromPipe(), database: adminDatabase };
}

function tell(
  { out }: Session,
  { json }: AddFlags,
  server: CommandDbServerFragment,
  how: string,
): number {
  if (json) out.json({ type: "RESULT", ...serverJson(server) });
  else out.line(`${out.style("green", "✔")} Db server '${server.name}' ${how}`);
  return EXIT.ok;
}

/** A db server as scripts read it. */
const serverJson = ({ labels, ...server }: CommandDbServerFragment) => ({
  ...server,
  labels: Object.fromEntries(labels.map(({ key, value }) => [key, value])),
});

const rowOf = (server: CommandDbServerFragment): string[] => [
  server.name,
  server.region,
  server.kind,
  server.status,
  String(server.tenantCount),
  String(server.capacityHint),
  String(server.freeCapacity),
  `${Math.round(server.load * 100)} %`,
  addressOf(server),
];
