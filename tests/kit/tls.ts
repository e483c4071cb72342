import { execFile } from "node:child_process";
import { chmod, chown, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { isRoot, serviceAccount } from "../../packages/embedded-postgres/src/service-account.ts";
import { asSuperuser } from "./database.ts";
import { startServer, type TestServer } from "./servers.ts";

/** A server for `localhost` with a certificate of its own authority, which lets nobody in without TLS. */
export interface TlsServer extends AsyncDisposable {
  /** Connection URL of a database as its superuser, with these parameters. */
  urlOf(database: string, parameters: Readonly<Record<string, string>>): string;
  /** What a client has to have: every connection shows a certificate. */
  readonly trusted: {
    readonly sslrootcert: string;
    readonly sslcert: string;
    readonly sslkey: string;
  };
  /** Another authority, which has signed nothing. */
  readonly strangersAuthority: string;
  /** Who may come in, as lines of pg_hba.conf. */
  allow(lines: readonly string[]): Promise<void>;
}

/** Connections without TLS or without a client's certificate are refused. */
const TLS_ONLY = ["hostssl all all all scram-sha-256 clientcert=verify-ca"];

/** Starts one. The certificates are made with openssl. */
export async function startTlsServer(): Promise<TlsServer> {
  const folder = await mkdtemp(join(tmpdir(), "tenantry-tls-"));
  await chmod(folder, 0o755);
  const file = (name: string) => join(folder, name);
  for (const name of ["ca", "stranger"]) await makeAuthority(file(name), name);
  for (const name of ["localhost", "client"]) await makeCertificate(file(name), name, file("ca"));
  const key = file("localhost.key");
  if (isRoot()) {
    const { uid, gid } = await serviceAccount();
    await chown(key, uid, gid);
  }
  const server = await startServer();
  await turnOn(server, { certificate: file("localhost.pem"), key, authority: file("ca.pem") });
  const trusted = {
    sslrootcert: file("ca.pem"),
    sslcert: file("client.pem"),
    sslkey: file("client.key"),
  };
  const urlOf: TlsServer["urlOf"] = (database, parameters) => {
    const url = new URL(server.url);
    url.hostname = "localhost";
    url.pathname = `/${database}`;
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    return url.href;
  };
  const allow: TlsServer["allow"] = (lines) =>
    asSuperuser(urlOf("postgres", { sslmode: "verify-full", ...trusted }), (client) =>
      rewriteHba(client, lines),
    );
  return {
    urlOf,
    trusted,
    strangersAuthority: file("stranger.pem"),
    allow: (lines) => allow([...lines, ...TLS_ONLY]),
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

type Files = { readonly certificate: string; readonly key: string; readonly authority: string };

const turnOn = (server: TestServer, { certificate, key, authority }: Files): Promise<void> =>
  asSuperuser(server.url, async (client) => {
    for (const setting of [
      `ssl_cert_file = '${certificate}'`,
      `ssl_key_file = '${key}'`,
      `ssl_ca_file = '${authority}'`,
      "ssl = on",
    ])
      await client.query(`alter system set ${setting}`);
    await rewriteHba(client, TLS_ONLY);
  });

/** Says who may come in to a server, by the lines of its pg_hba.conf. */
export async function rewriteHba(
  client: Parameters<Parameters<typeof asSuperuser>[1]>[0],
  lines: readonly string[],
): Promise<void> {
  const { rows } = await client.query<{ hba_file: string }>("show hba_file");
  await writeFile(rows[0]?.hba_file ?? "", `${lines.join("\n")}\n`);
  await client.query("select pg_reload_conf()");
}

const openssl = (...args: string[]) => promisify(execFile)("openssl", args);
const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

async function makeAuthority(path: string, name: string): Promise<void> {
  const out = ["-keyout", `${path}.key`, "-out", `${path}.pem`];
  await openssl("req", "-x509", ...KEY, "-days", "2", "-subj", `/CN=${name}`, ...out);
}

async function makeCertificate(path: string, host: string, authority: string): Promise<void> {
  const out = ["-keyout", `${path}.key`, "-out", `${path}.csr`];
  await openssl("req", ...KEY, "-subj", `/CN=${host}`, ...out);
  await writeFile(`${path}.ext`, `subjectAltName=DNS:${host}\n`);
  const by = ["-CA", `${authority}.pem`, "-CAkey", `${authority}.key`, "-CAcreateserial"];
  const made = ["-days", "2", "-extfile", `${path}.ext`, "-out", `${path}.pem`];
  await openssl("x509", "-req", "-in", `${path}.csr`, ...by, ...made);
  await chmod(`${path}.key`, 0o600);
}
