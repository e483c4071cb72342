import {
  revealCredentials,
  type TenantCredentials,
} from "../../operations/credentials/reveal-credentials.ts";
import { runOnPlatform } from "../session.ts";
import { EXIT, UsageError } from "../terminal/exit-codes.ts";
import { oneOf } from "../terminal/flag-values.ts";

/** The flags of `tenant credentials`. */
export interface CredentialsFlags {
  readonly slug?: string;
  readonly format: string;
  readonly reason?: string;
}

const FORMATS = ["ENV", "JSON", "URI"] as const;

/** `tenantry tenant credentials`: how a tenant's application connects, with the password. */
export async function showCredentials(
  word: string | undefined,
  { slug: flag, format: given, reason }: CredentialsFlags,
): Promise<void> {
  const format = oneOf("--format", given, FORMATS);
  const slug = word ?? flag;
  if (slug === undefined || (word !== undefined && flag !== undefined))
    throw new UsageError("Name the tenant once: tenantry tenant credentials <slug>");
  return await runOnPlatform({ json: format === "JSON" }, async ({ platform, actor, out }) => {
    const found = await revealCredentials(platform, actor, { slug, reason });
    if (format === "JSON") out.json({ type: "RESULT", ...found });
    else if (format === "URI") out.line(found.url);
    else for (const line of environmentOf(found)) out.line(line);
    if (found.status !== "ACTIVE")
      out.note(`Tenant '${slug}' is ${found.status}: this login works only while it is ACTIVE.`);
    return EXIT.ok;
  });
}

/** Lines for a shell's `source`. */
function environmentOf(found: TenantCredentials): string[] {
  const variables = {
    DATABASE_URL: found.url,
    PGHOST: found.host,
    PGPORT: String(found.port),
    PGDATABASE: found.database,
    PGUSER: found.user,
    PGPASSWORD: found.password,
    PGSSLMODE: found.sslmode,
  };
  return [
    `# search_path of this role: ${found.searchPath.join(", ")}`,
    ...Object.entries(variables).map(([name, value]) => `export ${name}=${quoted(value)}`),
  ];
}

/** One word of a shell, whatever is in it. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
