import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { appendFile, copyFile, lchown, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { type Account, run } from "../../packages/embedded-postgres/src/child-process.ts";
import { ifPresent } from "../../packages/embedded-postgres/src/files.ts";
import { freePort } from "../../packages/embedded-postgres/src/port.ts";
import { startServer } from "../../packages/embedded-postgres/src/postmaster.ts";
import { type Programs, usablePrograms } from "../../packages/embedded-postgres/src/programs.ts";
import { findServerPackage } from "../../packages/embedded-postgres/src/server-package.ts";
import { isRoot, serviceAccount } from "../../packages/embedded-postgres/src/service-account.ts";
import { SUPERUSER } from "../../packages/embedded-postgres/src/session.ts";
import { makeServerFolder } from "../kit/folders.ts";

/** A primary and a streaming standby, behind an address that stays. */
export interface Replicas extends AsyncDisposable {
  /** Connection URL as the superuser, in the database `postgres`, at the address that stays. */
  readonly url: string;
  /** Ends the primary without a goodbye, promotes the standby, and gives it a standby of its own. */
  failOver(): Promise<Switched>;
  /** From now on the standby receives nothing. */
  holdStandby(): Promise<void>;
}

/** When the address led to the new primary, by `performance.now()`; how long it had led nowhere. */
export interface Switched {
  readonly at: number;
  readonly awayMs: number;
  /** Settled when the new primary has a standby that streams. */
  readonly whole: Promise<void>;
}

/** A server of the pair. */
interface Member {
  readonly dir: string;
  readonly port: number;
}

/**
 * Starts the pair.
 *
 * @param synchronous whether a commit waits for the standby
 */
export async function startReplicas(synchronous: boolean): Promise<Replicas> {
  const pair = new Pair(synchronous);
  try {
    await pair.open();
    return pair;
  } catch (error) {
    await pair[Symbol.asyncDispose]();
    throw error;
  }
}

class Pair implements Replicas {
  readonly #synchronous: boolean;
  readonly #password = randomBytes(12).toString("hex");
  readonly #address = new Address();
  #base = "";
  #programs: Programs | undefined;
  #account: Account | undefined;
  #primary: Member | undefined;
  #standby: Member | undefined;
  #made = 0;

  constructor(synchronous: boolean) {
    this.#synchronous = synchronous;
  }

  get url(): string {
    return this.#urlAt(this.#address.port);
  }

  async open(): Promise<void> {
    this.#account = isRoot() ? await serviceAccount() : undefined;
    this.#base = await makeServerFolder("tenantry-replicas-");
    await this.#own(this.#base);
    this.#programs = await usablePrograms(
      await findServerPackage(),
      this.#account,
      async () => this.#base,
    );
    this.#primary = await this.#initialise();
    await this.#start(this.#primary);
    await this.#address.open();
    this.#address.leadTo(this.#primary.port);
    await this.#giveStandby(this.#primary);
  }

  async failOver(): Promise<Switched> {
    const [former, next] = [this.#primary, this.#standby];
    if (!former || !next) throw new Error("There is no standby");
    const begun = performance.now();
    this.#address.leadTo(null);
    await this.#control(former, ["stop", "-m", "immediate"]);
    await this.#control(next, ["promote"]);
    this.#address.leadTo(next.port);
    const at = performance.now();
    this.#primary = next;
    this.#standby = undefined;
    const whole = rm(former.dir, { recursive: true, force: true }).then(() =>
      this.#giveStandby(next),
    );
    return { at, awayMs: Math.round(at - begun), whole };
  }

  async holdStandby(): Promise<void> {
    if (!this.#standby || !this.#primary) throw new Error("There is no standby");
    await this.#sql(this.#standby, "alter system set primary_conninfo = ''");
    await this.#sql(this.#standby, "select pg_reload_conf()");
    await this.#until(this.#primary, "select not exists (select from pg_stat_replication)");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#address.close();
    for (const member of [this.#standby, this.#primary])
      if (member) await this.#control(member, ["stop", "-m", "immediate"]).catch(() => {});
    if (this.#base !== "") await rm(this.#base, { recursive: true, force: true });
  }

  async #initialise(): Promise<Member> {
    const member = await this.#newMember();
    const secret = join(this.#base, "password");
    await writeFile(secret, this.#password, { mode: 0o600 });
    await this.#own(secret);
    const login = [`--username=${SUPERUSER}`, "--auth=scram-sha-256", `--pwfile=${secret}`];
    const locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"];
    const args = ["-D", member.dir, "--encoding=UTF8", ...locale, "--no-sync", ...login];
    const { exitCode, output } = await run(this.#mustHave().initdb, args, this.#account);
    if (exitCode !== 0) throw new Error(output);
    await appendFile(join(member.dir, "postgresql.conf"), `\n${SETTINGS}\n`);
    await this.#setPort(member);
    return member;
  }

  /** Makes a standby of a server that may be at work, and waits until it streams. */
  async #giveStandby(primary: Member): Promise<void> {
    const member = await this.#newMember();
    await this.#sql(primary, "alter system set synchronous_standby_names = ''");
    const client = await this.#connect(primary);
    try {
      await client.query("select pg_backup_start('standby', true)");
      await mkdir(member.dir, { mode: 0o700 });
      await copyCluster(primary.dir, member.dir);
      const { rows } = await client.query<{ labelfile: string }>(
        "select * from pg_backup_stop(false)",
      );
      await writeFile(join(member.dir, "backup_label"), rows[0]?.labelfile ?? "");
    } finally {
      await client.end();
    }
    await writeFile(join(member.dir, "standby.signal"), "");
    const from = `host=127.0.0.1 port=${primary.port} user=${SUPERUSER} password=${this.#password}`;
    await appendFile(
      join(member.dir, "postgresql.auto.conf"),
      `primary_conninfo = '${from} application_name=standby'\n`,
    );
    await this.#setPort(member);
    await this.#own(member.dir);
    await this.#start(member);
    await this.#until(
      primary,
      "select exists (select from pg_stat_replication where state = 'streaming')",
    );
    if (this.#synchronous) {
      await this.#sql(primary, "alter system set synchronous_standby_names = 'standby'");
      await this.#sql(primary, "select pg_reload_conf()");
      await this.#until(
        primary,
        "select exists (select from pg_stat_replication where sync_state = 'sync')",
      );
    }
    this.#standby = member;
  }

  async #newMember(): Promise<Member> {
    this.#made += 1;
    return { dir: join(this.#base, `node${this.#made}`), port: await freePort() };
  }

  /** The last line about it counts. */
  async #setPort({ dir, port }: Member): Promise<void> {
    await appendFile(join(dir, "postgresql.conf"), `port = ${port}\n`);
  }

  async #own(path: string): Promise<void> {
    if (this.#account) await giveAll(path, this.#account);
  }

  async #start({ dir }: Member): Promise<void> {
    await startServer(this.#mustHave(), dir, this.#account);
  }

  async #control({ dir }: Member, words: readonly string[]): Promise<void> {
    const [verb = "", ...more] = words;
    const args = [verb, "-D", dir, "-w", "-s", "-t", "120", ...more];
    const { exitCode, output } = await run(this.#mustHave().pgCtl, args, this.#account);
    if (exitCode !== 0) throw new Error(`pg_ctl ${verb}: ${output}`);
  }

  #mustHave(): Programs {
    if (!this.#programs) throw new Error("The pair is not open");
    return this.#programs;
  }

  #urlAt(port: number): string {
    return `postgres://${SUPERUSER}:${this.#password}@127.0.0.1:${port}/postgres`;
  }

  async #connect({ port }: Member): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.#urlAt(port) });
    client.on("error", () => {});
    await client.connect();
    return client;
  }

  async #sql(member: Member, text: string): Promise<Record<string, unknown>[]> {
    const client = await this.#connect(member);
    try {
      return (await client.query(text)).rows;
    } finally {
      await client.end();
    }
  }

  async #until(member: Member, condition: string): Promise<void> {
    for (;;) {
      const [row = {}] = await this.#sql(member, condition);
      if (Object.values(row)[0] === true) return;
      await delay(50);
    }
  }
}

const SETTINGS = `
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 300
max_locks_per_transaction = 256
max_wal_size = '256MB'
wal_keep_size = '512MB'
timezone = 'UTC'
log_min_error_statement = 'panic'
# Ends without a goodbye are survived, power cuts are not.
fsync = off`;

/** What a base backup leaves out. */
const LEFT_OUT = ["postmaster.pid", "postmaster.opts", "server.log", "standby.signal"];
const EMPTY = ["pg_wal", "pg_replslot", "pg_stat_tmp", "pg_notify", "pg_subtrans"];

/** Copies a cluster whose files may go while they are copied. */
async function copyCluster(from: string, to: string, top = true): Promise<void> {
  for (const entry of (await ifPresent(readdir(from, { withFileTypes: true }))) ?? []) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (top && LEFT_OUT.includes(entry.name)) continue;
    if (!entry.isDirectory()) {
      await ifPresent(copyFile(source, target));
      continue;
    }
    await mkdir(target, { mode: 0o700 });
    if (top && EMPTY.includes(entry.name)) continue;
    await copyCluster(source, target, false);
  }
}

async function giveAll(path: string, account: Account): Promise<void> {
  await lchown(path, account.uid, account.gid);
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  for (const { name } of entries) await giveAll(join(path, name), account);
}

/** An address that leads to one server at a time, or to none. */
class Address {
  #target: number | null = null;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => {
    const keep = (each: Socket) => {
      this.#sockets.add(each);
      each.on("error", () => {});
      each.on("close", () => this.#sockets.delete(each));
    };
    keep(socket);
    if (this.#target === null) {
      socket.destroy();
      return;
    }
    const server = connect(this.#target, "127.0.0.1");
    keep(server);
    socket.on("close", () => server.destroy());
    server.on("close", () => socket.destroy());
    socket.pipe(server).pipe(socket);
  });

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async open(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
  }

  /** Ends every connection; from now on new ones lead there. */
  leadTo(port: number | null): void {
    this.#target = port;
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.leadTo(null);
    this.#server.close();
  }
}
