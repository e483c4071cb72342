import pg from "pg";
import { type Address, readConnectionUrl, type Tls } from "./connection-url.ts";

/** What the driver takes for one connection, and for a pool of them. */
export interface ConnectionConfig extends pg.ClientConfig {
  readonly Client?: typeof pg.Client;
}

/** Given a delay, Node also asks ten times a second apart: a dead peer is noticed in 20 seconds. */
export const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelayMillis: 10_000 } as const;

type Settings = Readonly<Record<string, string | number>>;

/**
 * What every session relies on, whatever the role, the database or the server has for a default. Sent
 * with the start of the session, so that RESET comes back to it.
 */
const SESSION: Settings = {
  default_transaction_isolation: "read committed",
  datestyle: "ISO, MDY",
  intervalstyle: "postgres",
  standard_conforming_strings: "on",
  search_path: "public",
  idle_session_timeout: 0,
  // Read by `settingsArrive`: a pooler may take settings and drop them.
  "tenantry.session": "set",
};

/** Of sessions that migrate: they wait for one another, and take as long as they take. */
export const PATIENT: Settings = { statement_timeout: 0, lock_timeout: 0 };

/** The start-up option for settings; values hold spaces, which it ends at. */
const asOption = (settings: Settings): string =>
  Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${String(value).replace(/[\\ ]/g, "\\$&")}`)
    .join(" ");

/**
 * The driver's configuration for a connection, or a pool of them: TLS and what sessions rely on are left
 * to no default of the environment, the driver or the role.
 *
 * @param settings of the session, beside those that all have
 */
export function connectionConfig(address: Address, settings: Settings = {}): ConnectionConfig {
  const { host, port, user, password, database, tls, options, connectTimeoutMs } = address;
  return {
    host,
    port,
    user,
    database,
    // Without one the driver looks into PGPASSWORD and the password file, as libpq does.
    ...(password === undefined ? {} : { password }),
    ssl: driverTls(tls),
    ...(tls.direct ? { sslnegotiation: "direct" } : {}),
    ...(tls.channelBinding === "prefer" ? { enableChannelBinding: true } : {}),
    Client: tls.channelBinding === "require" ? BoundClient : PromptClient,
    // What we rely on comes last, and wins.
    options: [options, asOption({ ...SESSION, ...settings })].filter(Boolean).join(" "),
    connectionTimeoutMillis: connectTimeoutMs ?? 10_000,
    application_name: address.application ?? "tenantry",
  };
}

/**
 * The same for the platform database.
 *
 * @param url connection URL of the platform database
 * @param part what the connection is for; it is named after that
 * @throws ConnectionUrlFault
 */
export function platformConfig(url: string, part = "", settings: Settings = {}): ConnectionConfig {
  const address = readConnectionUrl(url);
  const config = connectionConfig(address, { timezone: "UTC", ...settings });
  const name = `${config.application_name} ${part}`.trim();
  return { ...config, application_name: name, ...KEEP_ALIVE };
}

/** How the driver is told to encrypt. */
function driverTls({ mode, ca, cert, key }: Tls): pg.ClientConfig["ssl"] {
  if (mode === "disable") return false;
  return {
    rejectUnauthorized: mode !== "require",
    ...(ca ? { ca: [...ca] } : {}),
    ...(cert && key ? { cert, key } : {}),
    ...(mode === "verify-ca" ? { checkServerIdentity: () => undefined } : {}),
  };
}

interface Wire {
  readonly stream: { destroy(): void };
  on(event: string, listener: (message: { mechanisms: string[] }) => void): void;
  emit(event: "error", error: Error): void;
}

/** How long a server may take to close a connection that is given up. */
const GOODBYE_MS = 2_000;

/**
 * A client that ends in time: a server that stands still, or has vanished, closes no connection, and whoever
 * waits for that waits for ever, a pool for the connection's place.
 */
export class PromptClient extends pg.Client {
  override end(): Promise<void>;
  override end(done: (error: Error) => void): void;
  override end(done?: (error: Error) => void): Promise<void> | undefined {
    const { connection } = this as unknown as { readonly connection: Wire };
    const late = setTimeout(() => connection.stream.destroy(), GOODBYE_MS);
    this.once("end", () => clearTimeout(late));
    late.unref();
    return done ? void super.end(done) : super.end();
  }
}

const BOUND = "SCRAM-SHA-256-PLUS";

/** A client that logs in with SCRAM tied to its TLS connection, or not at all. */
class BoundClient extends PromptClient {
  constructor(config?: pg.ClientConfig) {
    super(config);
    const driver = this as unknown as { enableChannelBinding: boolean; readonly connection: Wire };
    driver.enableChannelBinding = true;
    const wire = driver.connection;
    let bound = false;
    const refuse = () => {
      if (bound) return;
      wire.stream.destroy();
      wire.emit("error", new Error("The server offers no channel binding, which is required"));
    };
    // Heard before the driver's own listeners, which come with connecting.
    wire.on("authenticationSASL", ({ mechanisms }) => {
      bound = mechanisms.includes(BOUND);
      refuse();
    });
    for (const event of ["CleartextPassword", "MD5Password", "Ok"])
      wire.on(`authentication${event}`, refuse);
  }
}
