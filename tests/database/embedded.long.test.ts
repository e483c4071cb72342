import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import {
  chmod,
  chown,
  cp,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  watch,
  writeFile,
} from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import pg from "pg";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { startAmid } from "../../packages/embedded-postgres/src/embedded-postgres.ts";
import { startEmbeddedPostgres } from "../../packages/embedded-postgres/src/index.ts";
import { runningPostmaster } from "../../packages/embedded-postgres/src/postmaster.ts";
import { findServerPackage } from "../../packages/embedded-postgres/src/server-package.ts";
import { accountNamed } from "../../packages/embedded-postgres/src/service-account.ts";
import { makeServerFolder } from "../kit/folders.ts";

const ROOM = resolve(import.meta.dirname, "../../packages/embedded-postgres/src");
const ROOT = process.getuid?.() === 0;
const ORDINARY = { uid: 65534, gid: 65534 };
const ORDINARY_CAN_RUN = ROOT && spawnSync(process.execPath, ["-e", ""], ORDINARY).status === 0;
const LINKS = existsSync(join((await findServerPackage()).dir, "native/pg-symlinks.json"));

describe("a data folder of one's own", () => {
  test("a fresh start makes a server that only this machine and this password reach", async () => {
    const dataDir = await newFolder();
    const server = await start(dataDir, { work_mem: "5MB", "app.quote": "it's \\ so" });
    expect(server).toMatchObject({ adopted: false, host: "127.0.0.1", database: "tenantry" });
    const [row] = await query(
      server.url,
      `select current_database() as database, current_setting('server_version_num')::int as version,
              current_setting('listen_addresses') as listen, current_setting('fsync') as fsync,
              current_setting('unix_socket_directories') as sockets, upper('é') as upper,
              current_setting('timezone') as timezone, current_setting('work_mem') as work_mem,
              current_setting('app.quote') as quote, current_setting('server_encoding') as encoding`,
    );
    expect(row).toMatchObject({ database: "tenantry", listen: "127.0.0.1", fsync: "on" });
    expect(row).toMatchObject({ sockets: "", timezone: "UTC", encoding: "UTF8", upper: "É" });
    expect(row).toMatchObject({ work_mem: "5MB", quote: "it's \\ so" });
    expect(row?.version).toBeGreaterThanOrEqual(180_000);
    expect((await stat(join(dataDir, "postgres.json"))).mode & 0o777).toBe(0o600);
    const guess = server.url.replace(server.password, "guess");
    await expect(query(guess, "select 1")).rejects.toThrow("password authentication failed");
  });

  test("a restart keeps the port and the data, and moves when the port is taken", async () => {
    const dataDir = await newFolder();
    const first = await start(dataDir);
    await query(first.url, "create table kept as select 1 as one");
    await first.stop();
    const second = await start(dataDir);
    expect(second).toMatchObject({ adopted: false, port: first.port, password: first.password });
    expect(await query(second.url, "select one from kept")).toEqual([{ one: 1 }]);
    await second.stop();
    await second.stop(); // nothing left to stop
    const intruder = createServer().listen(first.port, "127.0.0.1");
    await once(intruder, "listening");
    onTestFinished(() => void intruder.close());
    const third = await start(dataDir);
    expect(third.port).not.toBe(first.port);
    expect(await query(third.url, "select one from kept")).toEqual([{ one: 1 }]);
  });

  test("a failed start shows the end of the server's log", async () => {
    const dataDir = await newFolder();
    const failed = start(dataDir, { shared_buffers: "plenty" });
    await expect(failed).rejects.toThrow(/invalid value for parameter "shared_buffers"/);
    expect((await start(dataDir)).adopted).toBe(false);
    await expect(start(await newFolder(), { "a b": "" })).rejects.toThrow("not the name of");
  });

  test("a lost password file or a lost cluster is said, not papered over", async () => {
    const dataDir = await newFolder();
    await (await start(dataDir)).stop();
    const memory = join(dataDir, "postgres.json");
    await rename(memory, `${memory}.away`);
    await expect(start(dataDir)).rejects.toThrow(/holds the password of .* is missing/);
    await rename(`${memory}.away`, memory);
    await rename(join(dataDir, "postgres"), join(dataDir, "away"));
    await expect(start(dataDir)).rejects.toThrow(/is gone; remove .*postgres\.json/);
  });

  test("a platform without a build names DATABASE_URL", async () => {
    await expect(findServerPackage("linux", "riscv64")).rejects.toThrow(/^No .*DATABASE_URL/);
  });
});

describe("several processes", () => {
  test("a second process adopts the server, and the last one out stops it", async () => {
    const dataDir = await newFolder();
    const server = await start(dataDir);
    const other = await startInChild(dataDir);
    expect(other.said).toMatchObject({ adopted: true, pid: server.pid, port: server.port });
    expect(await server.release()).toEqual({ stopped: false, otherClients: 1 });
    expect(await other.ask("release")).toEqual({ stopped: true, otherClients: 0 });
    expect(await runningPostmaster(await clusterOf(dataDir))).toBeUndefined();
  });

  test("a connected client keeps the server up", async () => {
    const dataDir = await newFolder();
    const server = await start(dataDir);
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    expect(await server.release()).toEqual({ stopped: false, otherClients: 1 });
    expect((await client.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    await client.end();
    const again = await start(dataDir);
    expect(again.adopted).toBe(true);
    expect(await again.release()).toEqual({ stopped: true, otherClients: 0 });
  });

  test("of three that start at the same moment one starts and two adopt", async () => {
    const dataDir = await newFolder();
    const all = await Promise.all([1, 2, 3].map(() => startInChild(dataDir)));
    expect(all.map(({ said }) => said.adopted).sort()).toEqual([false, true, true]);
    expect(new Set(all.map(({ said }) => said.pid)).size).toBe(1);
  });

  test("one that comes while another leaves never gets a server that is about to stop", async () => {
    const dataDir = await newFolder();
    let current = await start(dataDir);
    for (let round = 0; round < 5; round++) {
      const [, next] = await Promise.all([current.release(), start(dataDir)]);
      expect(await query(next.url, "select 1 as one")).toEqual([{ one: 1 }]);
      current = next;
    }
  });

  test("the server outlives a process that is killed, and the next one adopts it", async () => {
    const dataDir = await newFolder();
    const doomed = await startInChild(dataDir);
    doomed.process.kill("SIGKILL");
    await once(doomed.process, "exit");
    const server = await start(dataDir);
    expect(server).toMatchObject({ adopted: true, pid: doomed.said.pid });
    // The killed process's connection goes a moment later; and stopping takes as long as it takes.
    const released = async () => expect((await server.release()).stopped).toBe(true);
    await vi.waitFor(released, { timeout: 60_000 });
  });
});

describe("after a crash", () => {
  test("a server that was killed recovers what was committed", async () => {
    const dataDir = await newFolder();
    const before = await start(dataDir);
    await query(before.url, "create table kept as select 1 as one");
    process.kill(before.pid, "SIGKILL");
    const after = await start(dataDir);
    expect(after.adopted).toBe(false);
    expect(await query(after.url, "select one from kept")).toEqual([{ one: 1 }]);
  });

  test.skipIf(process.platform === "win32")(
    "a postmaster.pid whose pid another process has by now does not stop the start",
    async () => {
      const dataDir = await newFolder();
      const before = await start(dataDir);
      const pidFile = join(await clusterOf(dataDir), "postmaster.pid");
      const text = await readFile(pidFile, "utf8");
      const { uid, gid } = await stat(pidFile);
      await before.stop();
      const stranger = spawn("/bin/sh", ["-c", "read line"], ROOT ? { uid, gid } : {});
      onTestFinished(() => void stranger.kill());
      await once(stranger, "spawn");
      await writeFile(pidFile, text.replace(String(before.pid), String(stranger.pid)));
      await chown(pidFile, uid, gid);
      expect((await start(dataDir)).adopted).toBe(false);
      expect(stranger.exitCode).toBeNull();
    },
  );

  test("an initialisation that was killed midway starts over", async () => {
    const dataDir = await newFolder();
    const child = launch(dataDir);
    for await (const { filename } of watch(dataDir)) {
      if (filename?.startsWith("postgres.init-")) break;
    }
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(await readdir(dataDir)).not.toContain("postgres");
    const server = await start(dataDir);
    expect(await query(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
    const expected = ["postgres", "postgres.json", "postgres.lock"];
    await server.stop();
    expect(await readdir(dataDir)).toEqual(expected);
  });
});

describe.skipIf(!LINKS)(
  "a package whose install scripts were skipped",
  { timeout: 120_000 },
  () => {
    test("gets its library links in place", async () => {
      const bare = await packageWithoutLinks(await newProgramFolder());
      const server = await startFrom(bare, await newFolder());
      expect(server.adopted).toBe(false);
      const link = await lstat(join(bare.dir, "native/lib/libpq.so.5"));
      expect(link.isSymbolicLink()).toBe(true);
    });

    test.skipIf(!ORDINARY_CAN_RUN)("is copied to the data folder if it is read-only", async () => {
      const bare = await packageWithoutLinks(await newProgramFolder());
      const dataDir = await newProgramFolder();
      await chown(dataDir, ORDINARY.uid, ORDINARY.gid);
      const { said } = await startInChild(dataDir, ORDINARY, bare.dir);
      expect(said).toMatchObject({ adopted: false });
      expect(await readdir(dataDir)).toContain("postgresql-test");
    });
  },
);

describe.skipIf(!ROOT)("as root", () => {
  test("below a closed folder, cluster and programs move to where the server can go", async () => {
    const closed = await newProgramFolder();
    await chmod(closed, 0o700);
    const bare = await packageWithoutLinks(closed);
    const shared = join(await newProgramFolder(), "shared");
    const dataDir = join(closed, "data");
    const before = await startFrom(bare, dataDir, [shared]);
    await query(before.url, "create table kept as select 1 as one");
    const cluster = await clusterOf(dataDir);
    expect(cluster.startsWith(`${shared}/`)).toBe(true);
    const owned = await stat(cluster);
    expect([owned.uid > 0, owned.mode & 0o777]).toEqual([true, 0o700]);
    const program = await stat(join(shared, "postgresql-test/native/bin/postgres"));
    expect([program.uid, program.mode & 0o777]).toEqual([0, 0o755]);
    await before.stop();
    const after = await startFrom(bare, dataDir, [shared]);
    expect(await query(after.url, "select one from kept")).toEqual([{ one: 1 }]);
    expect(await readdir(shared)).toHaveLength(2);
  });

  test("a shared folder that someone else has made is not trusted", async () => {
    const closed = await newFolder();
    await chmod(closed, 0o700);
    const [trap, good] = [join(await newFolder(), "trap"), join(await newProgramFolder(), "good")];
    await mkdir(trap);
    await chown(trap, ORDINARY.uid, ORDINARY.gid);
    const found = await findServerPackage();
    await expect(startFrom(found, closed, [trap])).rejects.toThrow(/None of .*trap.*DATABASE_URL/);
    await startFrom(found, closed, [trap, good]);
    expect((await clusterOf(closed)).startsWith(good)).toBe(true);
  });

  test.skipIf(!ORDINARY_CAN_RUN)("an ordinary user's cluster stays that user's", async () => {
    const dataDir = await newFolder();
    await chown(dataDir, ORDINARY.uid, ORDINARY.gid);
    const user = await startInChild(dataDir, ORDINARY);
    expect(await user.ask("stop")).toBeNull();
    const server = await start(dataDir);
    expect((await stat(`/proc/${server.pid}`)).uid).toBe(ORDINARY.uid);
    await server.stop();
    expect((await startInChild(dataDir, ORDINARY)).said).toMatchObject({ adopted: false });
  });

  test.skipIf(!ORDINARY_CAN_RUN)(
    "an ordinary user is told that the cluster is root's",
    async () => {
      const dataDir = await newFolder();
      await (await start(dataDir)).stop();
      const refusal = /^.* belongs to another user, probably root: .*DATA_DIR.*$/;
      expect((await startInChild(dataDir, ORDINARY)).said.error).toMatch(refusal);
      await chown(dataDir, ORDINARY.uid, ORDINARY.gid);
      expect((await startInChild(dataDir, ORDINARY)).said.error).toMatch(refusal);
    },
  );

  test("the account is postgres or nobody, and never root by another name", () => {
    const passwd = "root:x:0:0::/root:/bin/sh\npostgres:x:0:0::/:/bin/sh\nnobody:x:99:98::/:/x\n";
    expect(accountNamed("postgres", passwd)).toBeUndefined();
    expect(accountNamed("nobody", passwd)).toEqual({ uid: 99, gid: 98, name: "nobody" });
  });
});

/** A folder that every account can enter, as below /srv; removed with the server that lives in it. */
const newFolder = async (): Promise<string> =>
  removeAfterwards(await makeServerFolder("tenantry-embedded-"));

/** The same for what is run from there: folders in memory may not allow that. */
async function newProgramFolder(): Promise<string> {
  const folder = removeAfterwards(await mkdtemp(join(tmpdir(), "tenantry-embedded-")));
  await chmod(folder, 0o755);
  return folder;
}

function removeAfterwards(folder: string): string {
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** To be registered after newFolder: vitest runs what was registered last first. */
function stopAfterwards(dataDir: string): void {
  onTestFinished(async () => {
    const cluster = await clusterOf(dataDir).catch(() => undefined);
    const running = cluster && (await runningPostmaster(cluster));
    if (!running) return;
    process.kill(running.pid, "SIGQUIT");
    await vi.waitUntil(() => !existsSync(join(cluster, "postmaster.pid")), { timeout: 30_000 });
  });
}

function start(dataDir: string, settings: Record<string, string> = {}) {
  stopAfterwards(dataDir);
  return startEmbeddedPostgres({ dataDir, database: "tenantry", settings });
}

type ServerPackage = Awaited<ReturnType<typeof findServerPackage>>;

function startFrom(found: ServerPackage, dataDir: string, sharedFolders: string[] = []) {
  stopAfterwards(dataDir);
  const around = { findPackage: async () => found, sharedFolders };
  return startAmid({ dataDir, database: "tenantry" }, around);
}

async function clusterOf(dataDir: string): Promise<string> {
  const memory = JSON.parse(await readFile(join(dataDir, "postgres.json"), "utf8"));
  return resolve(dataDir, memory.cluster);
}

/** A package as npm leaves it without its scripts. */
async function packageWithoutLinks(folder: string): Promise<ServerPackage> {
  const { dir } = await findServerPackage();
  const filter = async (path: string) => !(await lstat(path)).isSymbolicLink();
  await cp(join(dir, "native"), join(folder, "package/native"), { recursive: true, filter });
  return { dir: join(folder, "package"), version: "test" };
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {}); // the server may be killed under it
  try {
    await client.connect();
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Starts the server in another process, which then calls the method named by each line it reads. */
function launch(dataDir: string, as?: typeof ORDINARY, packageDir?: string): ChildProcess {
  stopAfterwards(dataDir);
  const program = `
    import { createInterface } from "node:readline";
    import { startAmid } from ${JSON.stringify(pathToFileURL(join(ROOM, "embedded-postgres.ts")))};
    import { findServerPackage } from ${JSON.stringify(pathToFileURL(join(ROOM, "server-package.ts")))};
    const say = (what) => console.log(JSON.stringify(what ?? null));
    const [dataDir, dir] = process.argv.slice(1);
    const findPackage = dir ? async () => ({ dir, version: "test" }) : findServerPackage;
    try {
      const options = { dataDir, database: "tenantry" };
      const server = await startAmid(options, { findPackage, sharedFolders: [] });
      say({ pid: server.pid, port: server.port, adopted: server.adopted });
      for await (const line of createInterface(process.stdin)) say(await server[line]());
    } catch (error) {
      say({ error: error.message });
    }`;
  const args = ["--input-type=module", "-e", program, dataDir, ...(packageDir ? [packageDir] : [])];
  const child = spawn(process.execPath, args, { ...as, stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

async function startInChild(dataDir: string, as?: typeof ORDINARY, packageDir?: string) {
  const child = launch(dataDir, as, packageDir);
  if (!child.stdout || !child.stdin) throw new Error("The child has no pipes");
  const { stdin } = child;
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const hear = async () => JSON.parse((await lines.next()).value ?? "null");
  const ask = (method: string) => {
    stdin.write(`${method}\n`);
    return hear();
  };
  return { process: child, said: await hear(), ask };
}
