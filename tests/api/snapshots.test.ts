import { expect, test } from "vitest";
import { tenantry } from "../cli/_run.ts";
import { openTestApi } from "../kit/api.ts";
import { asSuperuser } from "../kit/database.ts";
import { EVENTS, PROVISION } from "../kit/documents.ts";
import { perFile } from "../kit/lifetime.ts";
import { BUNDLED, openPlatform } from "../kit/platform.ts";
import { provisionRequest } from "../kit/tenants.ts";

const REFRESH = `mutation ($input: RefreshSnapshotsInput!) { refreshSnapshots(input: $input) {
  ... on RefreshSnapshotsPayload { operation { id } } ... on UserError { code } } }`;
const RESULT = `query ($id: ID!) { operation(id: $id) { state result {
  ... on SnapshotResult { hard targets { target rows skipped } } } } }`;

const world = perFile(() => openPlatform({ environment: BUNDLED, worker: true }));
const api = perFile(() => openTestApi(world));
const provisioner = perFile(() => api.as("PROVISIONER"));

async function ended(id: string): Promise<void> {
  for await (const _ of provisioner.follow(EVENTS, { id }));
}

/** Runs SQL as the tenant's application does: with the stored secret. */
async function asApplication(slug: string, sql: string): Promise<Record<string, unknown>[]> {
  const url = (await world.platform.secrets.get(`tenant-db-${slug}`))?.value ?? "";
  return (await asSuperuser(url, (client) => client.query(sql))).rows;
}

test("snapshots are refreshed by the mutation and by the command", async () => {
  const input = provisionRequest();
  const { provisionTenant } = await provisioner.ask(PROVISION, { input });
  await ended(provisionTenant.operation.id);
  const { slug } = input;
  await asApplication(
    slug,
    `insert into sample (sample_number, laboratory_id, sample_type_id, state)
     select n, (select min(id) from laboratory), (select min(id) from sample_type), state
     from (values ('S-1', 'RECEIVED'), ('S-2', 'REGISTERED')) as v (n, state)`,
  );
  const snapshots = () =>
    asApplication(
      slug,
      "select sample_number as n, metadata_snapshot is not null as taken from sample order by 1",
    );

  expect(
    (await provisioner.ask(REFRESH, { input: { tenant: { slug }, hard: true } })).refreshSnapshots,
  ).toEqual({
    code: "E_CONFIRMATION_REQUIRED",
  });
  const { refreshSnapshots } = await provisioner.ask(REFRESH, {
    input: { tenant: { slug }, targets: ["SAMPLE"] },
  });
  await ended(refreshSnapshots.operation.id);
  const { operation } = await provisioner.ask(RESULT, { id: refreshSnapshots.operation.id });
  expect(operation).toEqual({
    state: "SUCCEEDED",
    result: { hard: false, targets: [{ target: "SAMPLE", rows: 1, skipped: null }] },
  });
  expect(await snapshots()).toEqual([
    { n: "S-1", taken: true },
    { n: "S-2", taken: false },
  ]);

  const command = ["snapshot", "hard-refresh", "--tenant-slug", slug];
  expect((await tenantry(command, world.environment)).end).toBe(2);
  expect((await tenantry([...command, "--yes"], world.environment)).end).toBe(0);
  expect(await snapshots()).toEqual([
    { n: "S-1", taken: true },
    { n: "S-2", taken: true },
  ]);
});
