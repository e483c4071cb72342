import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const SRC = resolve(import.meta.dirname, "../../src");

/** What stands below every room. */
const GROUND = ["kernel", "database", "observability", "secrets", "mail"];
/** They know nothing of tenants: files alone. */
const FILES = ["migration-folders", "sql-files"];
const ROOMS = [
  ...FILES,
  "audit",
  "iam",
  "idempotency",
  "tenants",
  "tenant-schemas",
  "placement",
  "seeding",
  "laboratories",
  "snapshots",
  "invitations",
];
const DOORS = ["api", "cli"];

/**
 * Which room may import which (ARCHITECTURE.md): main → doors → operations → rooms → ground → kernel.
 * A room that is missing here fails the test: it has to be given its place.
 */
const MAY_IMPORT: Record<string, readonly string[]> = {
  kernel: [],
  observability: ["kernel"],
  database: ["kernel", "observability"],
  secrets: ["kernel", "database", "observability"],
  mail: ["kernel", "database", "observability"],
  audit: [...GROUND, "iam"],
  iam: [...GROUND, "audit"],
  idempotency: [...GROUND, "iam"],
  tenants: GROUND,
  "migration-folders": ["kernel"],
  "sql-files": ["kernel"],
  "tenant-schemas": [...GROUND, ...FILES, "tenants"],
  placement: [...GROUND, "audit", "iam", "tenants", "tenant-schemas"],
  seeding: [...GROUND, ...FILES, "tenants", "tenant-schemas"],
  laboratories: [...GROUND, "tenants", "tenant-schemas"],
  snapshots: [...GROUND, "tenant-schemas"],
  invitations: [...GROUND, "audit", "iam", "tenants"],
  // The engine knows phases, not tenants; of people it knows who asked.
  "operations/engine": ["kernel", "database", "observability", "iam"],
  operations: [...GROUND, ...ROOMS, "operations/engine"],
  // The parts at the top: the composition root, its result, and who runs it.
  "entities.ts": [...GROUND, ...ROOMS, "operations", "operations/engine"],
  // It reads names of roles, which are iam's, of layouts and of tiers; connection URLs are read in one place.
  // The settings of a secret store are its room's.
  "config.ts": ["kernel", "database", "iam", "migration-folders", "secrets", "tenants"],
  "platform.ts": [...GROUND, ...ROOMS, "operations", "operations/engine", "config.ts"],
  "assemble.ts": [
    ...GROUND,
    ...ROOMS,
    "operations",
    "operations/engine",
    "config.ts",
    "platform.ts",
    "entities.ts",
  ],
  "worker.ts": [...GROUND, ...ROOMS, "operations", "operations/engine", "platform.ts"],
  api: [...GROUND, ...ROOMS, "operations", "operations/engine", "platform.ts"],
  cli: [
    ...[...GROUND, ...ROOMS, "operations", "operations/engine", "platform.ts", "worker.ts"],
    ...["config.ts", "assemble.ts", "api", "client"],
  ],
  client: [],
  // A program of its own: it assembles a platform, then acts as a client of its API.
  demo: [
    "client",
    "kernel",
    "iam",
    "api",
    "cli",
    "config.ts",
    "assemble.ts",
    "platform.ts",
    "worker.ts",
    "operations/engine",
  ],
  "main.ts": ["cli", "config.ts"],
};

/** Adapters stand behind a port: only the composition root knows them. */
const ADAPTERS = [
  "secrets/key-vault-store.ts",
  "secrets/local-secret-store.ts",
  "mail/file-mailer.ts",
  "mail/smtp-mailer.ts",
];

/** Rooms that know one another by types alone, which leaves no cycle at run time. */
const TYPES_ONLY = [["audit", "iam"]];

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typesOnly: boolean;
}

const roomOf = (path: string): string => {
  if (path.startsWith("operations/engine/")) return "operations/engine";
  return path.split("/")[0] ?? path;
};

async function importsOf(file: string): Promise<Import[]> {
  const text = await readFile(join(SRC, file), "utf8");
  const found = text.matchAll(
    /(?:^|\n)\s*(?:import|export)(\s+type)?\s[^;]*?from\s+"(\.[^"]+)"|import\("(\.[^"]+)"\)/g,
  );
  return [...found].map(([, types, specifier, dynamic]) => ({
    from: file,
    to: relative(SRC, resolve(SRC, dirname(file), specifier ?? dynamic ?? "")),
    typesOnly: types !== undefined,
  }));
}

const files = (await readdir(SRC, { recursive: true })).filter(
  (file) => file.endsWith(".ts") && !file.includes("generated"),
);
const imports = (await Promise.all(files.map(importsOf)))
  .flat()
  .filter(({ to }) => !to.startsWith(".."));

describe("imports", () => {
  test("are found at all", () => {
    expect(imports.length).toBeGreaterThan(files.length);
  });

  test("go in one direction", () => {
    const strays = imports
      .filter(({ from, to }) => roomOf(from) !== roomOf(to))
      .filter(({ from, to }) => !MAY_IMPORT[roomOf(from)]?.includes(roomOf(to)))
      .map(({ from, to }) => `${from} → ${to}`);
    expect(strays).toEqual([]);
  });

  test("leave adapters to the composition root", () => {
    const strays = imports
      .filter(({ to }) => ADAPTERS.some((adapter) => to.startsWith(adapter)))
      .filter(({ from, to }) => from !== "assemble.ts" && dirname(from) !== dirname(to))
      .map(({ from, to }) => `${from} → ${to}`);
    expect(strays).toEqual([]);
  });

  test("know the other room by types alone where two rooms name each other", () => {
    const strays = imports
      .filter(
        ({ from, to, typesOnly }) =>
          !typesOnly && TYPES_ONLY.some(([a, b]) => roomOf(from) === a && roomOf(to) === b),
      )
      .map(({ from, to }) => `${from} → ${to}`);
    expect(strays).toEqual([]);
  });

  test("reach no door but from another door, the demo and main", () => {
    const strays = imports
      .filter(
        ({ from, to }) =>
          DOORS.includes(roomOf(to)) && !["api", "cli", "demo", "main.ts"].includes(roomOf(from)),
      )
      .map(({ from, to }) => `${from} → ${to}`);
    expect(strays).toEqual([]);
  });
});
