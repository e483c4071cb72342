import { describe, expect, test } from "vitest";
import { ConfigError, readConfig } from "../src/config.ts";
import { secretName } from "../src/secrets/secret-store.ts";
import { namesOf } from "../src/tenants/names.ts";
import { parseSlug } from "../src/tenants/slug.ts";

const faultsOf = (environment: Record<string, string>): string => {
  try {
    readConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "";
};

describe("the configuration", () => {
  test("has a default for everything, and takes an empty value for an absent one", () => {
    expect(readConfig({ PORT: "" })).toMatchObject({
      port: 4000,
      host: "127.0.0.1",
      mode: "development",
    });
  });

  test("warns of what production would better be told, and logs for people where one looks on", () => {
    const production = { NODE_ENV: "production", SECRET_STORE: "local" };
    const [smtp, links] = readConfig(production).warnings;
    expect(smtp).toMatch(/^SMTP_URL is not set: mails are written to files/);
    expect(links).toMatch(/^TENANT_URL is not set: links in mails lead to/);
    const told = { SMTP_URL: "smtp://mail.test", TENANT_URL: "https://{slug}.acme.test" };
    expect(readConfig({ ...production, ...told }).warnings).toEqual([]);
    expect(readConfig({}).warnings).toEqual([]);
    expect(readConfig({ ...production, LOG_FORMAT: "pretty" }).logFormat).toBe("pretty");
    expect(readConfig(production).logFormat).toBe("json");
  });

  test("tells all faults at once", () => {
    const faults = faultsOf({
      PORT: "many",
      DATABASE_URL: "mysql://somewhere",
      TENANT_MIGRATIONS_DIR: "/no/such/folder",
      NODE_ENV: "production",
      SECRET_NAME_TEMPLATE: "tenant_db_{slug}",
    });
    expect(faults).toContain("PORT: must be a number from 0 to 65535");
    expect(faults).toContain("DATABASE_URL: must be a URL that begins with postgres://");
    expect(faults).toContain(
      "TENANT_MIGRATIONS_DIR: must be a folder that exists, which /no/such/folder is not",
    );
    expect(faults).toContain(
      "SECRET_STORE: production does not use the local secret store by itself",
    );
    expect(faults).toContain("SECRET_NAME_TEMPLATE: must hold {slug} once");
  });

  test("reads the limits of tenants for all tiers, by tier, or both", () => {
    const limits = (TENANT_CONNECTION_LIMIT: string) =>
      Object.values(readConfig({ TENANT_CONNECTION_LIMIT }).tenantLimits).map(
        ({ connectionLimit }) => connectionLimit,
      );
    expect(limits("")).toEqual([10, 20, 30, 50]);
    expect(limits("7")).toEqual([7, 7, 7, 7]);
    expect(limits("Enterprise=60, trial = 2")).toEqual([2, 20, 30, 60]);
    expect(limits("9,enterprise=60")).toEqual([9, 9, 9, 60]);
    for (const wrong of ["0", "-1", "many", "gold=9", "9,", "9;trial=1", "100001"])
      expect(faultsOf({ TENANT_CONNECTION_LIMIT: wrong }), wrong).toContain(
        "TENANT_CONNECTION_LIMIT: must be a number from 1 to 100000, or numbers by tier",
      );
    expect(readConfig({ TENANT_STATEMENT_TIMEOUT: "0" }).tenantLimits.TRIAL).toMatchObject({
      statementTimeoutSeconds: 0,
      idleInTransactionTimeoutSeconds: 60,
    });
  });

  test.each([
    ["sslmode=verify-everything", /its sslmode must be disable, require, verify-ca, verify-full/],
    ["sslmode=prefer", /sslmode=prefer leaves it to the server whether it is encrypted/],
    ["sslmode=verify-ca", /sslmode=verify-ca needs the authority's file as sslrootcert/],
    ["sslrootcert=/no/such.pem", /its sslrootcert cannot be read \(ENOENT\): \/no\/such.pem/],
    ["sslmode=require&sslcert=/no/such.pem", /both sslcert and sslkey/],
    ["channel_binding=require", /asks for TLS without an sslmode/],
    ["connect_timeout=soon", /its connect_timeout must be a number of seconds/],
    ["sslmode=disable&sslmode=require", /its parameter sslmode is there twice/],
    ["schema=public", /its parameter schema is not understood: known are sslmode/],
    ["host=/var/run/postgresql", /its parameter host is not understood/],
  ])(
    "refuses a connection URL with ?%s by the parameter's name, and shows no more",
    (query, why) => {
      const faults = faultsOf({
        DATABASE_URL: `postgres://ada:hush-hush@db.test/platform?${query}`,
      });
      expect(faults).toMatch(new RegExp(`DATABASE_URL: .*${why.source}`));
      expect(faults).not.toContain("hush-hush");
    },
  );

  test.each([
    ["postgres://%2Fvar%2Frun/platform", "no Unix socket"],
    ["postgres://one,two/platform", "must name one host"],
    ["postgres://db.test/platform", "must name a user"],
    ["postgres://ada@db.test", "must name a database"],
    ["postgres://ada:100%@db.test/platform", "write %25"],
  ])("refuses %s", (url, why) => {
    expect(faultsOf({ DATABASE_URL: url })).toContain(why);
  });

  test("takes of libpq's variables what DATABASE_URL leaves out", () => {
    const environment = { PGSSLMODE: "verify-full", PGCHANNELBINDING: "require" };
    const url = "postgres://ada@db.test/platform";
    const read = (given: string) => readConfig({ ...environment, DATABASE_URL: given }).database;
    expect(read(url)).toEqual({
      kind: "server",
      url: `${url}?sslmode=verify-full&channel_binding=require`,
    });
    const own = `${url}?sslmode=require&channel_binding=disable`;
    expect(read(own)).toEqual({ kind: "server", url: own });
    expect(readConfig({ ...environment, DATA_DIR: "/data" }).database).toEqual({
      kind: "embedded",
      dataDir: "/data",
    });
  });

  test.each([
    ["Tenantry", "https://acme.example"],
    ["Acme, Inc. <ops@acme.test>", "javascript:alert(1)"],
    ["ops@acme.test, eve@acme.test", "https://{tenant}.acme.example"],
    ["Acme <ops@acme.test>\r\nBcc: eve@acme.test", "https://acme.example/?tenant={slug}"],
  ])("refuses %j as a sender, and says what a tenant's address must be", (sender, url) => {
    expect(faultsOf({ MAIL_FROM: sender })).toContain("MAIL_FROM: must be one address");
    const faults = faultsOf({ TENANT_URL: url });
    if (url === "https://acme.example") expect(faults).toBe("");
    else expect(faults).toContain("TENANT_URL: must begin with https://");
  });

  test.each([
    "ops@acme.test",
    "<ops@acme.test>",
    '"Acme, Inc." <ops@acme.test>',
    "Zürich <no-reply@localhost>",
  ])("takes %s as the sender of mail", (sender) => {
    expect(readConfig({ MAIL_FROM: sender }).mailFrom).toBe(sender);
  });

  test("tells every fault of single sign-on and of proxies", () => {
    const faults = faultsOf({
      PORT: "many",
      OIDC_ISSUER: "http://login.example.com",
      OIDC_ROLE_MAP: "admins=ADMINISTRATOR,helpers=HELPER",
      OIDC_MAX_TOKEN_MINUTES: "0",
      TRUSTED_PROXIES: "10.0.0.0/8, proxy.internal",
    });
    expect(faults).toContain("OIDC_ISSUER: must be a URL that begins with https://");
    expect(faults).toContain("must be pairs such as admins=ADMINISTRATOR");
    expect(faults).toContain("OIDC_MAX_TOKEN_MINUTES: must be a number of minutes from 1 to 1440");
    expect(faults).toContain("TRUSTED_PROXIES.1: must be addresses, or networks");
    expect(faults).toContain("OIDC_AUDIENCE: single sign-on needs both");
    expect(faults).toContain("PORT: must be");
  });

  test.each([
    "https://login.example.com?x=1",
    "https://u@login.example.com",
    "login.example.com",
    "ftp://x",
  ])("refuses the issuer %j", (OIDC_ISSUER) => {
    expect(faultsOf({ OIDC_ISSUER, OIDC_AUDIENCE: "x" })).toContain("OIDC_ISSUER: must be a URL");
  });

  test("keeps the issuer to the letter, and has roles by default", () => {
    const OIDC_ISSUER = "https://Login.example.com/";
    const { singleSignOn } = readConfig({ OIDC_ISSUER, OIDC_AUDIENCE: "api" });
    expect(singleSignOn).toMatchObject({
      issuer: OIDC_ISSUER,
      audience: "api",
      claim: "roles",
      longestToken: 7200,
    });
    expect(singleSignOn?.roles.get("PLATFORM_SUPPORT")).toBe("SUPPORT");
    expect(readConfig({}).singleSignOn).toBeUndefined();
  });

  test("keeps secrets in the Key Vault that is named, unless the local store is asked for", () => {
    const AZURE_KEY_VAULT_URL = "https://acme.vault.azure.net/";
    const production = { NODE_ENV: "production", DATA_DIR: "/data", AZURE_KEY_VAULT_URL };
    const local = { kind: "local", dataDir: "/data" };
    expect(readConfig(production).secretStore).toEqual({
      kind: "key-vault",
      url: "https://acme.vault.azure.net",
    });
    expect(readConfig({ ...production, SECRET_STORE: "local" }).secretStore).toEqual(local);
    expect(readConfig({ DATA_DIR: "/data" }).secretStore).toEqual(local);
    expect(faultsOf({ AZURE_KEY_VAULT_URL: "http://acme" })).toContain("begins with https://");
  });

  test.each(["tenant-db", "{slug}-{slug}", "a b-{slug}", "{SLUG}", `${"x".repeat(88)}{slug}`])(
    "refuses the secret name template %j",
    (template) => {
      expect(faultsOf({ SECRET_NAME_TEMPLATE: template })).toContain("SECRET_NAME_TEMPLATE: must");
    },
  );

  test("makes names of secrets that a vault takes, and that differ by more than case", () => {
    const longest = `${"X".repeat(87)}{slug}`;
    const { secretNameTemplate } = readConfig({ SECRET_NAME_TEMPLATE: longest });
    const slug = parseSlug("a".repeat(40));
    const { secret } = namesOf(slug, { schemaPrefix: "org_", secretNameTemplate });
    expect(secret).toBe(`${"x".repeat(87)}${slug}`);
    expect(secretName(secret)).toBe(secret);
  });
});
