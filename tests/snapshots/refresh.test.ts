import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { settingsFor } from "../../src/migration-folders/migration-source.ts";
import { countRows, refreshRows, refusalOf, timeOf } from "../../src/snapshots/refresh.ts";
import {
  ANALYSIS_REQUEST,
  ANALYSIS_RESULT,
  PATIENT,
  SAMPLE,
  type SnapshotTarget,
} from "../../src/snapshots/targets.ts";
import { applyMigrations } from "../../src/tenant-schemas/apply-migrations.ts";
import { type Ask, lookAsOwner, transactAsOwner } from "../../src/tenant-schemas/as-owner.ts";
import { openMigrationFolder } from "../../src/tenant-schemas/migration-folder.ts";
import { perFile } from "../kit/lifetime.ts";
import { openTenantDatabase, type Tenant } from "../kit/tenant-schemas.ts";
import { fillRecords } from "./records.ts";

const world = perFile(openTenantDatabase);
const BUNDLED = join(import.meta.dirname, "../../migrations/tenant");
let tenant: Tenant;

beforeAll(async () => {
  tenant = world.tenant();
  await world.create(tenant);
  const folder = await openMigrationFolder(settingsFor(BUNDLED));
  await applyMigrations(world.client, { names: tenant.names, folder, mode: "one-transaction" });
  await inSchema("select 1", (client) => fillRecords(client, 10));
});
beforeEach(async () => {
  for (const table of ["patient", "analysis_request", "sample", "analysis_result"])
    await inSchema(`update ${table} set metadata_snapshot = null, snapshot_at = null`);
});

async function inSchema(sql: string, work?: (client: typeof world.client) => Promise<void>) {
  await world.client.query(`set search_path = ${tenant.names.schema}`);
  const { rows } = await world.client.query(sql);
  await work?.(world.client);
  await world.client.query("reset search_path");
  return rows;
}
const snapshotOf = async (table: string) =>
  (await inSchema(`select metadata_snapshot as snapshot from ${table} order by id limit 1`))[0]
    ?.snapshot;
const touched = async (table: string) =>
  Number((await inSchema(`select count(*) from ${table} where snapshot_at is not null`))[0]?.count);

const look = <T>(work: (ask: Ask) => Promise<T>) => lookAsOwner(world.client, tenant.names, work);
const transact = <T>(work: (ask: Ask) => Promise<T>) =>
  transactAsOwner(world.client, tenant.names, work);

async function refresh(
  target: SnapshotTarget,
  options: { hard?: boolean; batchSize?: number } = {},
) {
  const { hard = false, batchSize = 100 } = options;
  return await refreshRows(transact, target, { hard, since: await look(timeOf), batchSize });
}

describe("a metadata snapshot", () => {
  const CLIENT = { code: "C1", name: "City Hospital" };
  const PERSON = {
    patient_number: "PAT1",
    family_name: "Family 1",
    given_name: null,
    birth_date: "1980-02-29",
    sex: "UNKNOWN",
    species: "HUMAN",
  };
  const GREY = { code: "P1", full_name: "Dr Grey", national_provider_number: "123" };
  const CENTRAL = { code: "CEN", name: "Central" };

  test("says who a patient is to others", async () => {
    await refresh(PATIENT);
    expect(await snapshotOf("patient")).toEqual({
      client: CLIENT,
      practitioner: GREY,
      identifiers: [{ type: "ZMR", type_name: "Record number", value: "MR-PAT1", issuer: "" }],
    });
  });

  test("says who asked for a request, for whom, how urgently", async () => {
    await refresh(ANALYSIS_REQUEST);
    expect(await snapshotOf("analysis_request")).toEqual({
      client: CLIENT,
      patient: PERSON,
      practitioner: null,
      laboratory: CENTRAL,
      priority: { code: "ZSTAT", name: "At once", turnaround_minutes: null },
      template: null,
      specification: { code: "ZREF", name: "Adults", version: 3 },
    });
  });

  test("says what a sample is and whose", async () => {
    await refresh(SAMPLE);
    expect(await snapshotOf("sample")).toEqual({
      sample_type: { code: "ZSER", name: "Serum", snomed_code: null },
      container_type: { code: "ZTUBE", name: "Gel tube" },
      preservation: null,
      client: CLIENT,
      patient: PERSON,
      laboratory: CENTRAL,
      analysis_request: { request_number: "REQ1" },
    });
  });

  test("says what a result was measured with and judged by", async () => {
    await refresh(ANALYSIS_RESULT);
    expect(await snapshotOf("analysis_result")).toMatchObject({
      analysis: { code: "ZGLU", name: "Glucose", loinc_code: "2345-7" },
      method: { code: "ZHEX", name: "Hexokinase", version: "1" },
      unit: { code: "zmmol/L", display: "mmol/L" },
      instrument: null,
      result_option: null,
      specification_range: {
        low: 3.9,
        high: 5.6,
        sex: "ANY",
        specification: { code: "ZREF", version: 3, name: "Adults" },
        unit: { code: "zmmol/L" },
      },
      sample: { sample_number: "SAM1" },
    });
  });
});

describe("refreshing", () => {
  const TARGETS = [PATIENT, ANALYSIS_REQUEST, SAMPLE, ANALYSIS_RESULT];

  test.each(TARGETS)(
    "touches $table rows of RECEIVED samples only, unless it is hard",
    async (target) => {
      const edits = `select id, updated_at from ${target.table} order by id`;
      const before = await inSchema(edits);
      expect(await look((ask) => refusalOf(ask, target))).toBeNull();
      expect(await look((ask) => countRows(ask, target, { hard: false }))).toBe(5);
      expect(await refresh(target)).toBe(5);
      expect(await touched(target.table)).toBe(5);
      expect(await look((ask) => countRows(ask, target, { hard: true }))).toBe(10);
      expect(await refresh(target, { hard: true })).toBe(10);
      expect(await touched(target.table)).toBe(10);
      expect(await inSchema(edits)).toEqual(before);
    },
  );

  test.each([1, 3, 5, 10])("walks every row once in batches of %i", async (batchSize) => {
    const done: number[] = [];
    const rows = await refreshRows(transact, SAMPLE, {
      hard: true,
      since: await look(timeOf),
      batchSize,
      onBatch: async (count) => void done.push(count),
    });
    expect(rows).toBe(10);
    expect(done.at(-1)).toBe(10);
    expect(done.length).toBe(Math.ceil(10 / batchSize));
    const stamps = await inSchema("select distinct snapshot_at from sample");
    expect(stamps.length).toBe(Math.ceil(10 / batchSize));
  });

  test("keeps the batches before an interruption, and writes only the others when it is repeated", async () => {
    const since = await look(timeOf);
    const options = { hard: true, since, batchSize: 4 };
    const interrupted = refreshRows(transact, SAMPLE, {
      ...options,
      onBatch: async () => {
        throw new Error("killed");
      },
    });
    await expect(interrupted).rejects.toThrow("killed");
    expect(await touched("sample")).toBe(4);
    const before = await inSchema("select id, xmin::text from sample order by id limit 4");
    expect(await refreshRows(transact, SAMPLE, options)).toBe(10);
    expect(await inSchema("select id, xmin::text from sample order by id limit 4")).toEqual(before);
    expect(await touched("sample")).toBe(10);
  });

  test("takes a snapshot again that claims to be of the future", async () => {
    await inSchema("update sample set snapshot_at = now() + interval '1 day'");
    await refresh(SAMPLE, { hard: true });
    expect(await inSchema("select 1 from sample where metadata_snapshot is null")).toEqual([]);
  });

  test("says in PostgreSQL's words what a schema is missing", async () => {
    const other = world.tenant();
    await world.create(other);
    const ask = (target: SnapshotTarget) =>
      lookAsOwner(world.client, other.names, (asking) => refusalOf(asking, target));
    expect(await ask(PATIENT)).toBe('relation "patient" does not exist');
    const { ownerRole, schema } = other.names;
    await world.client.query(
      `set role ${ownerRole}; create view ${schema}.sample as select 1::bigint as id,
         'RECEIVED' as state, null::jsonb as metadata_snapshot, now() as snapshot_at
         group by 1; reset role`,
    );
    expect(await ask({ ...SAMPLE, snapshot: {} })).toBe('cannot update view "sample"');
  });
});
