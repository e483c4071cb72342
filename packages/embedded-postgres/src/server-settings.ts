import { HOST } from "./port.ts";

const DEFAULTS: Record<string, string> = {
  max_connections: "200",
  superuser_reserved_connections: "60", // for Tenantry, where tenants have taken all others
  max_locks_per_transaction: "256", // dropping a tenant's schema locks every object in it
  shared_buffers: "128MB",
  password_encryption: "scram-sha-256",
  timezone: "UTC",
  log_timezone: "UTC",
  log_checkpoints: "off",
  log_min_error_statement: "panic", // a failed statement may hold a secret: never in the log
};

/**
 * The text of the server's configuration file.
 *
 * @param wanted settings that come before our defaults; where the server listens is not among them
 * @throws when a name is not one that PostgreSQL could know
 */
export function settingsFile(wanted: Record<string, string>, port: number): string {
  const settings = {
    ...DEFAULTS,
    ...wanted,
    port: String(port),
    listen_addresses: HOST,
    unix_socket_directories: "", // its path would have to be short, and reachable for everyone
  };
  const lines = Object.entries(settings).map(
    ([name, value]) => `${checked(name)} = ${quote(value)}`,
  );
  return `# Written at every start.\n${lines.join("\n")}\n`;
}

function checked(name: string): string {
  if (/^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$/i.test(name)) return name;
  throw new Error(`'${name}' is not the name of a PostgreSQL setting`);
}

function quote(value: string): string {
  return `'${value.replaceAll("\\", "\\\\").replaceAll("'", "''").replaceAll("\n", "\\n")}'`;
}
