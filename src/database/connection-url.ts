import { readFileSync } from "node:fs";
import { getCACertificates } from "node:tls";

/** How a connection is encrypted, from weakest to strongest, in libpq's words. */
const TLS_MODES = ["disable", "require", "verify-ca", "verify-full"] as const;
type TlsMode = (typeof TLS_MODES)[number];

/** How a connection is encrypted, and what either side shows for itself. */
export interface Tls {
  readonly mode: TlsMode;
  /** Certificates of the authorities that are believed, as PEM; Node's own where it is left out. */
  readonly ca?: readonly string[];
  /** The client's own certificate and key, as PEM. */
  readonly cert?: string;
  readonly key?: string;
  /** Whether TLS begins with the first byte, as PostgreSQL 17 and newer take it. */
  readonly direct?: boolean;
  /** Whether the login is tied to the TLS connection; without it the driver's default holds. */
  readonly channelBinding?: "prefer" | "require";
}

/** Where a database is and how it is entered. */
export interface Address {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Absent where the server asks for none. */
  readonly password?: string;
  readonly database: string;
  readonly tls: Tls;
  /** Settings of the session, as `-c name=value` in the form of the start-up option. */
  readonly options?: string;
  /** Begins the names that connections have in pg_stat_activity; `tenantry` where it is left out. */
  readonly application?: string;
  readonly connectTimeoutMs?: number;
}

/** A connection URL cannot be used. The message names the parameter, and shows nothing else of the URL. */
export class ConnectionUrlFault extends Error {
  override readonly name = "ConnectionUrlFault";
}

const PARAMETERS = [
  ...["sslmode", "sslrootcert", "sslcert", "sslkey", "sslnegotiation", "channel_binding"],
  ...["application_name", "options", "connect_timeout", "uselibpqcompat"],
] as const;
const BINDINGS = ["disable", "prefer", "require"] as const;
type Parameters = Partial<Record<(typeof PARAMETERS)[number], string>>;

/**
 * Reads a `postgres://` URL as libpq does, for every connection that there is. Without `sslmode` a
 * connection is not encrypted, unless `sslrootcert` says whom to believe.
 *
 * @throws ConnectionUrlFault for what is missing, and for every parameter that would not be heeded
 */
export function readConnectionUrl(text: string): Address {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol))
    throw new ConnectionUrlFault("must be a URL that begins with postgres://");
  const host = decoded(url.hostname, "host").replace(/^\[(.*)\]$/, "$1");
  if (!/^[\w.:-]+$/.test(host))
    throw new ConnectionUrlFault("must name one host, and no Unix socket");
  const [user, password] = [decoded(url.username, "user"), decoded(url.password, "password")];
  const database = decoded(url.pathname.slice(1), "database");
  if (user === "" || database === "")
    throw new ConnectionUrlFault(`must name a ${user === "" ? "user" : "database"}`);
  const parameters = parametersOf(url.searchParams);
  const { options, application_name: application, connect_timeout: seconds } = parameters;
  return {
    host,
    port: Number(url.port || 5432),
    user,
    database,
    ...(password === "" ? {} : { password }),
    tls: tlsOf(parameters),
    ...(options === undefined ? {} : { options }),
    ...(application === undefined ? {} : { application }),
    ...(seconds === undefined ? {} : { connectTimeoutMs: milliseconds(seconds) }),
  };
}

function decoded(part: string, name: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new ConnectionUrlFault(`its ${name} has a % that stands for nothing: write %25`);
  }
}

function parametersOf(given: URLSearchParams): Parameters {
  const known: readonly string[] = PARAMETERS;
  const names = [...given.keys()];
  const strange = names.find((name) => !known.includes(name));
  if (strange !== undefined)
    throw new ConnectionUrlFault(
      `its parameter ${strange.slice(0, 63)} is not understood: known are ${known.join(", ")}`,
    );
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw new ConnectionUrlFault(`its parameter ${twice} is there twice`);
  // The driver's own way of asking for what is done here anyway.
  oneOf("uselibpqcompat", given.get("uselibpqcompat") ?? "true", ["true"]);
  return Object.fromEntries([...given].filter(([, value]) => value !== ""));
}

function milliseconds(seconds: string): number {
  if (!/^[1-9]\d{0,3}$/.test(seconds))
    throw new ConnectionUrlFault("its connect_timeout must be a number of seconds from 1 to 9999");
  return Number(seconds) * 1_000;
}

function oneOf<T extends string>(name: string, value: string, values: readonly T[]): T {
  const found = values.find((each) => each === value);
  if (found !== undefined) return found;
  throw new ConnectionUrlFault(`its ${name} must be ${values.join(", ")}`);
}

function tlsOf(given: Parameters): Tls {
  const { sslrootcert, sslcert, sslkey, sslnegotiation } = given;
  const mode = modeOf(given);
  const binding = oneOf("channel_binding", given.channel_binding ?? "disable", BINDINGS);
  const direct = oneOf("sslnegotiation", sslnegotiation ?? "postgres", ["postgres", "direct"]);
  if (mode === "disable" && (sslcert || direct === "direct" || binding === "require"))
    throw new ConnectionUrlFault("asks for TLS without an sslmode: add sslmode=verify-full");
  if (mode === "disable") return { mode };
  if ((sslcert === undefined) !== (sslkey === undefined))
    throw new ConnectionUrlFault("must have both sslcert and sslkey, or neither");
  return {
    mode,
    ...(sslrootcert ? { ca: authorities(sslrootcert) } : {}),
    ...(sslcert && sslkey
      ? { cert: fileOf("sslcert", sslcert), key: fileOf("sslkey", sslkey) }
      : {}),
    ...(direct === "direct" ? { direct: true } : {}),
    ...(binding === "disable" ? {} : { channelBinding: binding }),
  };
}

function modeOf({ sslmode, sslrootcert }: Parameters): TlsMode {
  if (sslmode === undefined) return sslrootcert === undefined ? "disable" : "verify-full";
  if (sslmode === "prefer" || sslmode === "allow")
    throw new ConnectionUrlFault(
      `its sslmode=${sslmode} leaves it to the server whether it is encrypted: say disable, require, verify-ca or verify-full`,
    );
  if (sslmode === "no-verify") return "require";
  const mode = oneOf("sslmode", sslmode, TLS_MODES);
  const own = sslrootcert !== undefined && sslrootcert !== "system";
  // Anybody may have a certificate of a public authority: without the host's name it says nothing.
  if (mode === "verify-ca" && !own)
    throw new ConnectionUrlFault("its sslmode=verify-ca needs the authority's file as sslrootcert");
  // As libpq has it, for compatibility: with an authority, "require" looks at the certificate.
  return mode === "require" && own ? "verify-ca" : mode;
}

const authorities = (path: string): string[] =>
  path === "system" ? getCACertificates("system") : [fileOf("sslrootcert", path)];

function fileOf(name: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConnectionUrlFault(`its ${name} cannot be read (${code}): ${path}`);
  }
}

/** The stronger of two ways to encrypt: what either side asks for is done. */
export const strongerMode = (one: TlsMode, other: TlsMode): TlsMode =>
  TLS_MODES.indexOf(one) > TLS_MODES.indexOf(other) ? one : other;

/** libpq's variables for what a URL leaves out; the driver would heed them for some connections only. */
const VARIABLES = {
  PGSSLMODE: "sslmode",
  PGSSLROOTCERT: "sslrootcert",
  PGSSLCERT: "sslcert",
  PGSSLKEY: "sslkey",
  PGCHANNELBINDING: "channel_binding",
};

/** A connection URL together with what libpq's variables say, so that the URL tells all of it. */
export function withLibpqVariables(
  text: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  if (text === undefined || !URL.canParse(text)) return text;
  const url = new URL(text);
  for (const [variable, parameter] of Object.entries(VARIABLES)) {
    const value = environment[variable];
    if (value && !url.searchParams.has(parameter)) url.searchParams.set(parameter, value);
  }
  return url.href;
}
