import type { EntityManager } from "../../database/orm.ts";
import { authorize } from "../../iam/grants.ts";
import type { AdminPassword } from "../../placement/admin-password.ts";
import { checkDbServer } from "../../placement/check-server.ts";
import { type Candidate, freePlaces, loadOf } from "../../placement/choose-server.ts";
import type { DbServer } from "../../placement/db-server.entity.ts";
import { DbServerKind, DbServerStatus, DbServerTlsMode } from "../../placement/db-server-enums.ts";
import { dbServerByName } from "../../placement/db-server-registry.ts";
import { registerDbServer, setDbServerStatus, updateDbServer } from "../../placement/db-servers.ts";
import { candidates } from "../../placement/placement.ts";
import { type PlatformSession, runOnPlatform } from "../session.ts";
import { EXIT, UsageError } from "../terminal/exit-codes.ts";
import { givenFields, oneOf } from "../terminal/flag-values.ts";
import { passwordFromPipe } from "../terminal/password-input.ts";
import { writeTable } from "../terminal/table.ts";
import { clustersOf, writeClusters } from "./clusters.ts";

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
  const admin = await adminOf(flags);
  return await runOnPlatform(flags, async (session) => {
    const { platform, actor } = session;
    const server = await registerDbServer(platform, actor, request, admin);
    return await tell(session, flags, server, "is ready and takes tenants");
  });
}

/** `tenantry db-server update`: its fields first, then its status. */
export async function changeDbServer(flags: UpdateFlags): Promise<void> {
  const status = oneOf("--status", flags.status, DbServerStatus.options);
  if (!status && flags.reason !== undefined)
    throw new UsageError("--reason says why --status changes");
  const request = requestOf(flags);
  const admin = await adminOf(flags);
  return await runOnPlatform(flags, async (session) => {
    const { platform, actor } = session;
    let server = await updateDbServer(platform, actor, request, admin);
    if (status) {
      const change = givenFields({ name: flags.name, status, reason: flags.reason });
      server = await setDbServerStatus(platform, actor, change);
    }
    return await tell(session, flags, server, `is ${server.status}`);
  });
}

/** `tenantry db-server list`. */
export async function listDbServers(flags: { readonly json?: boolean }): Promise<void> {
  return await runOnPlatform(flags, async ({ platform, actor, out }) => {
    authorize(actor, "db-server:read");
    const found = await candidates(platform.orm.em.fork() as EntityManager);
    const clusters = await clustersOf(platform, found);
    if (flags.json)
      for (const candidate of found)
        out.json({ ...serverJson(candidate), cluster: clusters.get(candidate.server.id) ?? null });
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
      writeTable(out, heading, found.map(rowOf));
      writeClusters(out, found, clusters);
    }
    return EXIT.ok;
  });
}

/** `tenantry db-server check`. */
export async function checkDbServers(flags: StatusFlags): Promise<void> {
  return await runOnPlatform(flags, async ({ platform, actor, out }) => {
    authorize(actor, "db-server:read");
    const em = platform.orm.em.fork() as EntityManager;
    const servers = flags.name
      ? [await dbServerByName(em, flags.name)]
      : (await candidates(em)).map(({ server }) => server);
    const checks = await Promise.all(servers.map((server) => checkDbServer(platform, server)));
    for (const [index, { name, status }] of servers.entries()) {
      const check = checks[index];
      if (!check) continue;
      const { probed, fault, warnings, ms } = check;
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
    return checks.every(({ fault }) => fault === null) ? EXIT.ok : EXIT.failed;
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

async function tell(
  { platform, out }: PlatformSession,
  { json }: AddFlags,
  server: DbServer,
  how: string,
): Promise<number> {
  if (json) {
    const found = await candidates(platform.orm.em.fork() as EntityManager);
    const tenants = found.find((one) => one.server.id === server.id)?.tenants ?? 0;
    out.json({ type: "RESULT", ...serverJson({ server, tenants }) });
  } else out.line(`${out.style("green", "✔")} Db server '${server.name}' ${how}`);
  return EXIT.ok;
}

/** A db server as scripts read it. */
const serverJson = ({ server, tenants }: Candidate) => ({
  ...server,
  tenants,
  freeCapacity: freePlaces(tenants, server),
  load: loadOf(tenants, server),
});

const rowOf = ({ server, tenants }: Candidate): string[] => [
  server.name,
  server.region,
  server.kind,
  server.status,
  String(tenants),
  String(server.capacityHint),
  String(freePlaces(tenants, server)),
  `${Math.round(loadOf(tenants, server) * 100)} %`,
  `${server.host}:${server.port}`,
];
