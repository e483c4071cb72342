import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { CANCEL, OPERATION, RETRY } from "../kit/documents.ts";
import { provisionRequest } from "../kit/tenants.ts";
import { worldOf } from "../kit/world.ts";
import { provisioning } from "./_provisioning.ts";
import { act } from "./_tenant-operations.ts";

const { migrations, between, world, provisioner, start, eventsOf, provisionToEnd } = provisioning();

describe("a migration that fails", () => {
  const broken = async (sql: string) =>
    await writeFile(join(migrations.path, "0004_broken.sql"), sql);

  test("is undone whole and named, and a retry after mending the file succeeds", async () => {
    const input = provisionRequest();
    const before = await worldOf(world.platform, input.slug);
    await broken("create table fine (id int);\n\ncreate table broken (id nosuchtype);\n");
    const { operation, events } = await provisionToEnd(input);
    expect(operation).toMatchObject({
      state: "FAILED",
      error: { code: "E_MIGRATIONS_FAILED", phase: "MIGRATIONS_APPLIED", retryable: false },
      tenant: { status: "FAILED", failure: { code: "E_MIGRATIONS_FAILED" } },
    });
    expect(operation.error.message).toMatch(/0004_broken\.sql line 3: .*nosuchtype.*42704/);
    const told = events.map(
      (event) => event.operationState ?? `${event.phase} ${event.phaseState}`,
    );
    expect(told.slice(0, 3)).toEqual(["PENDING", "RUNNING", "PLACEMENT_RESOLVED RUNNING"]);
    const undone = events
      .filter((event) => event.phaseState === "UNDONE")
      .map((event) => event.phase);
    expect(undone).toEqual([
      "DATABASE_CREATED",
      "SECRET_SET",
      "STATE_CHECKED",
      "PLACEMENT_RESOLVED",
    ]);
    expect(await worldOf(world.platform, input.slug)).toEqual(before);

    await broken("create table mended (id int);\n");
    // Nothing else stands in for it, nor takes the retry's place.
    for (const mutation of ["migrateTenant", "activateTenant", "seedTenant"]) {
      const sets = mutation === "seedTenant" ? { sets: ["core"] } : {};
      const refused = await act(provisioner, mutation, { slug: input.slug, ...sets });
      expect(refused).toMatchObject({ code: "E_TENANT_STATUS", retryable: false });
      expect(refused.message).toContain(`E_MIGRATIONS_FAILED (operation ${operation.id})`);
      expect(refused.nextAction).toContain("`retryOperation`");
    }
    const { retryOperation } = await provisioner.ask(RETRY, { id: operation.id });
    expect(retryOperation).toMatchObject({ operation: { retryOf: { id: operation.id } } });
    await eventsOf(retryOperation.operation.id);
    const again = await provisioner.ask(OPERATION, { id: retryOperation.operation.id });
    expect(again.operation).toMatchObject({
      state: "SUCCEEDED",
      tenant: { status: "ACTIVE", schemaVersion: "0004_broken" },
    });
    expect((await provisioner.ask(RETRY, { id: operation.id })).retryOperation).toMatchObject({
      code: "E_NOT_RETRYABLE",
    });
  });

  test.each([
    [
      "transaction control",
      "create table t (id int);\nsavepoint a;",
      /0004_broken\.sql.*line 2.*SAVEPOINT/,
    ],
    ["a search path", "set search_path = elsewhere;", /0004_broken\.sql.*line 1/],
    ["another schema", "\ncreate table elsewhere.t ();", /0004_broken\.sql.*line 2.*elsewhere/],
  ])("because of %s is refused before anything is made", async (_what, sql, message) => {
    await broken(sql);
    const { operation } = await provisionToEnd(provisionRequest());
    expect(operation).toMatchObject({
      state: "FAILED",
      error: { code: "E_MIGRATION_UNSAFE", phase: "STATE_CHECKED" },
    });
    expect(operation.error.message).toMatch(message);
    await broken("select 1;");
  });

  test("because it is no SQL is refused with its line", async () => {
    await broken("create table t (id int);\ncreate tabel u (id int);");
    const { operation } = await provisionToEnd(provisionRequest());
    expect(operation).toMatchObject({ state: "FAILED", error: { phase: "STATE_CHECKED" } });
    expect(operation.error.message).toMatch(/0004_broken\.sql line 2/);
    await broken("select 1;");
  });
});

describe("cancelOperation", () => {
  test("stops at the next boundary, undoes, and leaves the tenant to be retried", async () => {
    const input = provisionRequest();
    const before = await worldOf(world.platform, input.slug);
    let cancelled: Promise<unknown> | undefined;
    let id = "";
    const known = new Promise<void>((resolve) => {
      between.afterEffect = async (phase) => {
        if (phase !== "DATABASE_CREATED") return;
        await known;
        cancelled = provisioner.ask(CANCEL, { id });
        await cancelled;
      };
      void start(input).then(({ operation }) => {
        id = operation.id;
        resolve();
      });
    });
    await known;
    const events = await eventsOf(id);
    between.afterEffect = async () => {};
    expect(await cancelled).toMatchObject({
      cancelOperation: { operation: { state: "CANCELLING" } },
    });
    expect(events.at(-1)).toMatchObject({
      operationState: "CANCELLED",
      error: { code: "E_CANCELLED" },
    });
    expect(events.some((event) => event.phase === "MIGRATIONS_APPLIED")).toBe(false);
    expect(await worldOf(world.platform, input.slug)).toEqual(before);
    expect((await provisioner.ask(CANCEL, { id })).cancelOperation).toMatchObject({
      code: "E_NOT_CANCELLABLE",
    });
    const { retryOperation } = await provisioner.ask(RETRY, { id });
    expect((await eventsOf(retryOperation.operation.id)).at(-1)).toMatchObject({
      operationState: "SUCCEEDED",
    });
  });

  test("and retryOperation refuse what they cannot find or change", async () => {
    const unknown = "00000000-0000-7000-8000-000000000000";
    for (const id of [unknown, "not-an-id"]) {
      expect((await provisioner.ask(CANCEL, { id })).cancelOperation).toMatchObject({
        code: "E_OPERATION_NOT_FOUND",
      });
      expect((await provisioner.ask(RETRY, { id })).retryOperation).toMatchObject({
        code: "E_OPERATION_NOT_FOUND",
      });
    }
    const { operation } = await provisionToEnd(provisionRequest());
    expect((await provisioner.ask(RETRY, { id: operation.id })).retryOperation).toMatchObject({
      code: "E_NOT_RETRYABLE",
    });
  });
});
