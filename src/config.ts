import { statSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";
import {
  ConnectionUrlFault,
  readConnectionUrl,
  withLibpqVariables,
} from "./database/connection-url.ts";
import {
  DEFAULT_ROLE_MAP,
  IssuerUrl,
  RoleMap,
  type SingleSignOn,
} from "./iam/single-sign-on/single-sign-on.ts";
import { emailField } from "./iam/users/email.ts";
import { FORMATS, type MigrationSettings } from "./migration-folders/migration-source.ts";
import type { SecretStoreConfig } from "./secrets/open-secret-store.ts";
import { byTier, forAllTiers, type TierLimits, tierLimits } from "./tenants/limits.ts";

const origin = z
  .url({ protocol: /^https?$/, hostname: z.regexes.hostname })
  .transform((url) => new URL(url).origin);

const list = z.string().transform((text) =>
  text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== ""),
);

// A star is a whole label: "10.0.*" would let "10.0.example.com" in.
const hostPattern = z
  .string()
  .regex(
    /^(\*\.)?[a-z0-9_:][a-z0-9_.:-]*$/i,
    "must be host names or addresses, of which a name may begin with *.",
  )
  .transform((pattern) => pattern.toLowerCase());

// zod skips an object's own rules while a field is faulty; all faults are to be reported at once.
const always = () => true;

const PORT_RULE = "must be a number from 0 to 65535";

// A misspelt folder would count as an empty one, and make tenants without tables.
const folder = z
  .string()
  .refine((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true, {
    error: ({ input }) => `must be a folder that exists, which ${resolve(String(input))} is not`,
  });

// Slugs have at most 40 characters, a Key Vault name 127, and no two names may differ by case alone.
const secretNameTemplate = z
  .string()
  .regex(
    /^[0-9A-Za-z-]*\{slug\}[0-9A-Za-z-]*$/,
    "must hold {slug} once, and otherwise letters, digits and hyphens only",
  )
  .max(127 - 40 + "{slug}".length, "must leave room for 40 characters of slug in 127")
  .transform((template) => template.toLowerCase());

/** Written as their tools are: `golang-migrate`. */
const migrationFormat = z
  .string()
  .transform((name) => name.toUpperCase().replaceAll("-", "_"))
  .pipe(
    z.enum(FORMATS, {
      error: `must be one of ${FORMATS.map((format) => format.toLowerCase().replaceAll("_", "-")).join(", ")}`,
    }),
  );

const PLACEHOLDERS_RULE = 'must be JSON such as {"schema":"public"}';

const placeholders = z
  .string()
  .transform((text, context): Record<string, string> => {
    try {
      return z.record(z.string().min(1), z.string()).parse(JSON.parse(text));
    } catch {
      context.addIssue({ code: "custom", message: PLACEHOLDERS_RULE });
      return z.NEVER;
    }
  })
  .default({});

const proxy = z.union(
  [z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()],
  "must be addresses, or networks such as 10.0.0.0/8",
);

// A name of several words needs quotes where mail programs would take it for several senders.
const sender = z
  .string()
  .regex(
    /^(("[^"]+"|[^"<>@,;:\r\n]*) *<[^\s<>@,;]+@[^\s<>@,;]+>|[^\s<>@,;"]+@[^\s<>@,;"]+)$/,
    "must be one address, such as Tenantry <no-reply@example.com>",
  );

// Links begin with it and go on with a path.
const tenantUrl = z
  .string()
  .regex(
    /^https?:\/\/([^\s{}?#]|\{slug\})+$/,
    "must begin with https:// and may hold {slug}, without ? and #",
  )
  .refine((url) => URL.canParse(url.replaceAll("{slug}", "acme")), "must be a URL");

/** Where links in mails lead that nobody has set. */
const NOT_SET = "https://{slug}.example.com";

// The largest leaves a server of 100 connections to Tenantry and others.
const CONNECTION_LIMITS = { TRIAL: 10, STANDARD: 20, PREMIUM: 30, ENTERPRISE: 50 };

const SECONDS_RULE = "must be a number of seconds from 1 to 604800";
const MINUTES_RULE = "must be a number of minutes from 1 to 1440";

const bundled = (folder: string) => resolve(import.meta.dirname, "..", folder);

const apiUrl = z
  .url({ protocol: /^https?$/, error: "must be a URL that begins with https:// or http://" })
  .default("http://localhost:4000/graphql");

const apiToken = z
  .string()
  .regex(/^[\w.-]+$/, "must be a service token or an access token")
  .optional();

const databaseUrl = z.string().superRefine((url, context) => {
  try {
    readConnectionUrl(url);
  } catch (error) {
    if (!(error instanceof ConnectionUrlFault)) throw error;
    context.addIssue({ code: "custom", message: error.message });
  }
});

const port = z
  .string()
  .regex(/^\d{1,5}$/, PORT_RULE)
  .transform(Number)
  .refine((number) => number <= 65_535, PORT_RULE);

const Environment = z
  .object({
    NODE_ENV: z.enum(["development", "test", "production"]).default("development"),
    PORT: port.default(4000),
    WORKER_PORT: port.optional(),
    HOST: z.string().min(1).default("127.0.0.1"),
    DATA_DIR: z.string().min(1).default("./.tenantry"),
    DATABASE_URL: databaseUrl.optional(),
    TENANT_SCHEMA_PREFIX: z
      .string()
      .regex(
        /^[a-z][a-z0-9_]{0,14}_$/,
        "must be 2 to 16 characters of a-z, 0-9 and _, ending with _",
      )
      .refine((prefix) => !prefix.startsWith("pg_"), "must not begin with pg_")
      .default("org_"),
    TENANT_MIGRATIONS_DIR: folder.default(bundled("migrations/tenant")),
    TENANT_MIGRATIONS_FORMAT: migrationFormat.optional(),
    TENANT_MIGRATIONS_SCHEMA: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_$]{0,62}$/, "must be the name of a schema")
      .optional(),
    TENANT_MIGRATIONS_PLACEHOLDERS: placeholders,
    TENANT_MIGRATIONS_MAX_TIMEOUT: z.coerce
      .number(SECONDS_RULE)
      .int(SECONDS_RULE)
      .min(1, SECONDS_RULE)
      .max(604_800, SECONDS_RULE)
      .default(3_600),
    TENANT_CONNECTION_LIMIT: byTier("connectionLimit", CONNECTION_LIMITS),
    TENANT_STATEMENT_TIMEOUT: byTier("statementTimeoutSeconds", forAllTiers(300)),
    TENANT_IDLE_IN_TRANSACTION_TIMEOUT: byTier("idleInTransactionTimeoutSeconds", forAllTiers(60)),
    TENANT_SEEDS_DIR: folder.default(bundled("seeds/tenant")),
    SECRET_STORE: z.enum(["local"]).optional(),
    AZURE_KEY_VAULT_URL: z
      .url({ protocol: /^https$/, error: "must be a URL that begins with https://" })
      .transform((url) => new URL(url).origin)
      .optional(),
    SECRET_NAME_TEMPLATE: secretNameTemplate.default("tenant-db-{slug}"),
    SMTP_URL: z.url({ protocol: /^smtps?$/ }).optional(),
    MAIL_FROM: sender.default("Tenantry <no-reply@localhost>"),
    TENANT_URL: tenantUrl.default(NOT_SET),
    CORS_ORIGINS: list.pipe(z.array(origin)).default([]),
    TRUSTED_PROXIES: list.pipe(z.array(proxy)).default([]),
    OIDC_ISSUER: IssuerUrl.optional(),
    OIDC_AUDIENCE: z.string().optional(),
    OIDC_ROLE_CLAIM: z.string().default("roles"),
    OIDC_ROLE_MAP: RoleMap.default(DEFAULT_ROLE_MAP),
    OIDC_MAX_TOKEN_MINUTES: z
      .string()
      .regex(/^\d{1,4}$/, MINUTES_RULE)
      .transform(Number)
      .refine((minutes) => minutes >= 1 && minutes <= 1440, MINUTES_RULE)
      .default(120),
    DB_SERVER_HOSTS: list.pipe(z.array(hostPattern)).default([]),
    PLATFORM_ADMIN_EMAIL: emailField.default("admin@tenantry.local"),
    PLATFORM_ADMIN_PASSWORD: z.string().min(12).max(128).optional(),
    TENANTRY_URL: apiUrl,
    TENANTRY_TOKEN: apiToken,
    /** Set by npm for what it runs. */
    npm_lifecycle_event: z.string().optional(),
    LOG_LEVEL: z
      .enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"])
      .default("info"),
    LOG_FORMAT: z.enum(["json", "pretty"]).optional(),
  })
  .refine(
    (env) =>
      env.NODE_ENV !== "production" ||
      env.SECRET_STORE === "local" ||
      env.AZURE_KEY_VAULT_URL !== undefined,
    {
      path: ["SECRET_STORE"],
      when: always,
      message:
        "production does not use the local secret store by itself: set AZURE_KEY_VAULT_URL, or SECRET_STORE=local to accept it",
    },
  )
  .refine((env) => (env.OIDC_ISSUER === undefined) === (env.OIDC_AUDIENCE === undefined), {
    path: ["OIDC_AUDIENCE"],
    when: always,
    message: "single sign-on needs both OIDC_ISSUER and OIDC_AUDIENCE",
  });

/** Where the platform database is: an embedded PostgreSQL in a folder, or a server. */
type DatabaseConfig =
  | { readonly kind: "embedded"; readonly dataDir: string }
  | { readonly kind: "server"; readonly url: string };

/** Everything that the environment decides, parsed and with its defaults. */
export interface Config {
  readonly mode: "development" | "test" | "production";
  readonly port: number;
  /** Where `tenantry worker` answers its probes; absent, it does not. */
  readonly workerPort: number | undefined;
  readonly host: string;
  /** Where mail files and what this machine has seen of the platform lie; absolute. */
  readonly dataDir: string;
  readonly database: DatabaseConfig;
  readonly tenantSchemaPrefix: string;
  readonly tenantMigrations: MigrationSettings;
  /** What tenants' applications may take of their db servers, by tier. */
  readonly tenantLimits: TierLimits;
  readonly tenantSeeds: { readonly dir: string; readonly home: string };
  readonly secretStore: SecretStoreConfig;
  /** Names a tenant's secret; `{slug}` stands for the slug. */
  readonly secretNameTemplate: string;
  readonly smtpUrl: string | undefined;
  readonly mailFrom: string;
  /** Where a tenant's users find their application; `{slug}` stands for the slug. */
  readonly tenantUrl: string;
  /** Browser origins that may call the API and open WebSockets, beside the API's own. */
  readonly corsOrigins: readonly string[];
  /** Addresses and networks of proxies whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[];
  /** The external issuer whose tokens are accepted; absent without single sign-on. */
  readonly singleSignOn: SingleSignOn | undefined;
  /** Host patterns such as `*.db.internal` that registered db servers must match; empty for any host. */
  readonly dbServerHosts: readonly string[];
  readonly firstAdmin: { readonly email: string; readonly password: string | undefined };
  /** Whether npm runs this process through a shell, which dies of a SIGTERM without passing it on. */
  readonly runByNpm: boolean;
  readonly logLevel: "fatal" | "error" | "warn" | "info" | "debug" | "trace" | "silent";
  /** For people where one looks on, in development. */
  readonly logFormat: "json" | "pretty";
  /** What a service in production would better be told; it runs without. */
  readonly warnings: readonly string[];
}

/** The configuration cannot be used; the message names every fault. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

type Variables = Record<string, string | undefined>;

/**
 * Reads the configuration from environment variables; empty ones count as absent.
 *
 * @throws ConfigError naming every fault at once
 */
export function readConfig(environment: Variables = process.env): Config {
  const env = readVariables(Environment, {
    ...environment,
    DATABASE_URL: withLibpqVariables(environment.DATABASE_URL, environment),
  });
  const dataDir = resolve(env.DATA_DIR);
  return {
    mode: env.NODE_ENV,
    port: env.PORT,
    workerPort: env.WORKER_PORT,
    host: env.HOST,
    dataDir,
    database:
      env.DATABASE_URL === undefined
        ? { kind: "embedded", dataDir }
        : { kind: "server", url: env.DATABASE_URL },
    tenantSchemaPrefix: env.TENANT_SCHEMA_PREFIX,
    tenantMigrations: {
      dir: resolve(env.TENANT_MIGRATIONS_DIR),
      format: env.TENANT_MIGRATIONS_FORMAT ?? null,
      schema: env.TENANT_MIGRATIONS_SCHEMA ?? null,
      placeholders: env.TENANT_MIGRATIONS_PLACEHOLDERS,
      longestTimeoutMs: env.TENANT_MIGRATIONS_MAX_TIMEOUT * 1_000,
    },
    tenantLimits: tierLimits({
      connectionLimit: env.TENANT_CONNECTION_LIMIT,
      statementTimeoutSeconds: env.TENANT_STATEMENT_TIMEOUT,
      idleInTransactionTimeoutSeconds: env.TENANT_IDLE_IN_TRANSACTION_TIMEOUT,
    }),
    tenantSeeds: {
      dir: resolve(env.TENANT_SEEDS_DIR),
      home: env.TENANT_MIGRATIONS_SCHEMA ?? "public",
    },
    secretStore:
      env.SECRET_STORE === "local" || env.AZURE_KEY_VAULT_URL === undefined
        ? { kind: "local", dataDir }
        : { kind: "key-vault", url: env.AZURE_KEY_VAULT_URL },
    secretNameTemplate: env.SECRET_NAME_TEMPLATE,
    smtpUrl: env.SMTP_URL,
    mailFrom: env.MAIL_FROM,
    tenantUrl: env.TENANT_URL,
    corsOrigins: env.CORS_ORIGINS,
    trustedProxies: env.TRUSTED_PROXIES,
    singleSignOn: singleSignOnOf(env),
    dbServerHosts: env.DB_SERVER_HOSTS,
    firstAdmin: { email: env.PLATFORM_ADMIN_EMAIL, password: env.PLATFORM_ADMIN_PASSWORD },
    runByNpm: env.npm_lifecycle_event !== undefined,
    logLevel: env.LOG_LEVEL,
    logFormat:
      env.LOG_FORMAT ??
      (env.NODE_ENV === "development" && process.stderr.isTTY ? "pretty" : "json"),
    warnings: env.NODE_ENV === "production" ? warningsOf(env) : [],
  };
}

const warningsOf = (env: z.infer<typeof Environment>): string[] => [
  ...(env.SMTP_URL === undefined
    ? ["SMTP_URL is not set: mails are written to files in DATA_DIR and reach nobody"]
    : []),
  ...(env.TENANT_URL === NOT_SET
    ? [`TENANT_URL is not set: links in mails lead to ${NOT_SET}`]
    : []),
];

const singleSignOnOf = (env: z.infer<typeof Environment>): SingleSignOn | undefined =>
  env.OIDC_ISSUER === undefined || env.OIDC_AUDIENCE === undefined
    ? undefined
    : {
        issuer: env.OIDC_ISSUER,
        audience: env.OIDC_AUDIENCE,
        claim: env.OIDC_ROLE_CLAIM,
        roles: env.OIDC_ROLE_MAP,
        longestToken: env.OIDC_MAX_TOKEN_MINUTES * 60,
      };

/** Where and as whom the command acts over the API. */
export interface ApiAccess {
  readonly url: string;
  readonly token: string;
}

const ApiEnvironment = z.object({ TENANTRY_URL: apiUrl, TENANTRY_TOKEN: apiToken });

/**
 * Reads how the command reaches the API. Nothing else is looked at: where it runs there may be nothing
 * of the service.
 *
 * @returns null without TENANTRY_TOKEN: the command works on the platform's database
 * @throws ConfigError naming every fault at once
 */
export function readApiAccess(environment: Variables = process.env): ApiAccess | null {
  const { TENANTRY_URL: url, TENANTRY_TOKEN: token } = readVariables(ApiEnvironment, environment);
  return token === undefined ? null : { url, token };
}

function readVariables<Read>(schema: z.ZodType<Read>, environment: Variables): Read {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ""));
  const read = schema.safeParse(given);
  if (read.success) return read.data;
  const faults = read.error.issues.map((issue) => `  ${issue.path.join(".")}: ${issue.message}`);
  throw new ConfigError(`The configuration is not valid:\n${faults.join("\n")}`);
}
