import { beforeEach, describe, expect, test } from "vitest";
import type { AddLaboratoryInput } from "../../src/operations/add-laboratory.ts";
import { startOnTenant } from "../../src/operations/start/start-on-tenant.ts";
import { tenantBySlug } from "../../src/tenants/registry.ts";
import { TenantEntity } from "../../src/tenants/tenant.entity.ts";
import { asSuperuser, freshSlug } from "../kit/database.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { followToEnd, OPERATOR, provision } from "../kit/tenants.ts";

/** What happens when the deed of a phase is done, as chosen by the test that runs. */
let afterEffect: (phase: string) => Promise<void>;

const world = perFile(() =>
  openPlatform({ worker: { afterEffect: (phase) => afterEffect(phase), times: 2 } }),
);

beforeEach(() => {
  afterEffect = async () => {};
});
async function addLaboratory(
  input: Partial<AddLaboratoryInput> & { slug: string },
  dryRun = false,
) {
  const { platform } = world;
  const { operation } = await startOnTenant(
    platform,
    OPERATOR,
    platform.operations.addLaboratory,
    { name: "North", ...input },
    { dryRun, idempotencyKey: null },
  );
  return (await followToEnd(platform, operation.id)).operation;
}

/** Runs SQL in the tenant's schema, past the platform. */
async function inTenant(slug: string, sql: string): Promise<Record<string, unknown>[]> {
  const { schemaName } = await tenantBySlug(world.platform.orm.em.fork(), slug);
  return await asSuperuser(`${world.platform.databaseUrl}_tenants`, async (client) => {
    await client.query(`set search_path = ${schemaName}`);
    return (await client.query(sql)).rows;
  });
}
const laboratories = async (slug: string) =>
  (await inTenant(slug, "select name from laboratory order by name")).map(({ name }) => name);

async function provisioned(): Promise<string> {
  const slug = freshSlug("lab");
  const { operation } = await provision(world.platform, { slug });
  expect(operation.state).toBe("SUCCEEDED");
  return slug;
}

describe("adding a laboratory", () => {
  test("adds it to the tenant's organization, and tells the audit trail", async () => {
    const slug = await provisioned();
    const planned = await addLaboratory({ slug }, true);
    expect(planned.result).toMatchObject({ laboratoryId: null, organizationName: "Acme" });
    expect(await laboratories(slug)).toEqual(["Main"]);

    const operation = await addLaboratory({ slug, name: "  North  " });
    const [row] = await inTenant(slug, "select id::text from laboratory where name = 'North'");
    const [organization] = await inTenant(slug, "select setup_name from organization");
    expect(operation).toMatchObject({ state: "SUCCEEDED", error: null });
    expect(operation.result).toEqual({
      laboratoryId: row?.id,
      laboratoryName: "North",
      organizationName: "Acme",
      setupName: organization?.setup_name,
    });
    expect(await laboratories(slug)).toEqual(["Main", "North"]);
    const facts = await world.platform.orm.em
      .fork()
      .execute(
        "select detail from platform.audit_event where type = 'LABORATORY_ADDED' and operation_id = ?",
        [operation.id],
      );
    expect(facts).toEqual([
      { detail: { laboratory: "North", organization: organization?.setup_name } },
    ]);
  });

  test("adds it to the organization that setupName selects, and refuses to guess one", async () => {
    const slug = await provisioned();
    await inTenant(slug, "insert into organization (name, setup_name) values ('Second', 'zz-2')");
    const [first] = await inTenant(slug, "select setup_name from organization order by id limit 1");
    const guess = await addLaboratory({ slug });
    expect(guess.error).toMatchObject({
      code: "E_ORGANIZATION_AMBIGUOUS",
      phase: "ORGANIZATION_RESOLVED",
    });
    expect(guess.error?.message).toContain(`${first?.setup_name}, zz-2`);
    expect((await addLaboratory({ slug, setupName: "nobody" })).error).toMatchObject({
      code: "E_ORGANIZATION_NOT_FOUND",
      message: "The tenant has no organization with the setup name 'nobody'",
    });
    const added = await addLaboratory({ slug, setupName: "zz-2", name: "Main" });
    expect(added.result).toMatchObject({
      laboratoryName: "Main",
      organizationName: "Second",
      setupName: "zz-2",
    });
  });

  test("refuses a name that is there already, in whatever case", async () => {
    const slug = await provisioned();
    const { error } = await addLaboratory({ slug, name: "mAIN" });
    expect(error).toMatchObject({ code: "E_LABORATORY_EXISTS", phase: "ORGANIZATION_RESOLVED" });
    expect(error?.message).toMatch(/has a laboratory 'Main' already$/);
    expect(await laboratories(slug)).toEqual(["Main"]);
  });

  test("leaves a laboratory alone that somebody else adds under that name meanwhile", async () => {
    const slug = await provisioned();
    afterEffect = async (phase) => {
      if (phase !== "ORGANIZATION_RESOLVED") return;
      await inTenant(
        slug,
        "insert into laboratory (organization_id, name) select id, 'NORTH' from organization",
      );
    };
    const { error } = await addLaboratory({ slug });
    expect(error).toMatchObject({ code: "E_LABORATORY_EXISTS", phase: "LABORATORY_ADDED" });
    expect(await laboratories(slug)).toEqual(["Main", "NORTH"]);
  });

  test.each(["ORGANIZATION_RESOLVED", "LABORATORY_ADDED", "REGISTERED"])(
    "leaves no trace when %s fails, and can be asked again",
    async (failing) => {
      const slug = await provisioned();
      afterEffect = async (phase) => {
        if (phase === failing) throw new Error("planned failure");
      };
      const operation = await addLaboratory({ slug });
      expect(operation).toMatchObject({ state: "FAILED", error: { phase: failing } });
      expect(operation.error?.message).not.toContain("could not be undone");
      expect(operation.result).toMatchObject({ laboratoryId: null });
      expect(await laboratories(slug)).toEqual(["Main"]);
      afterEffect = async () => {};
      expect((await addLaboratory({ slug })).state).toBe("SUCCEEDED");
      expect(await laboratories(slug)).toEqual(["Main", "North"]);
    },
  );

  test("works with ids that are no numbers, and with a schema of somebody else's making", async () => {
    const slug = await provisioned();
    const { schemaName, ownerRole } = await tenantBySlug(world.platform.orm.em.fork(), slug);
    await inTenant(
      slug,
      `drop table laboratory; drop table organization;
       create table organization (id uuid primary key, name text, setup_name text);
       create table laboratory (id uuid primary key default gen_random_uuid(), organization_id uuid, name text);
       alter table ${schemaName}.organization owner to ${ownerRole};
       alter table ${schemaName}.laboratory owner to ${ownerRole}`,
    );
    expect((await addLaboratory({ slug })).error).toMatchObject({
      code: "E_ORGANIZATION_NOT_FOUND",
      message: "The tenant has no organization",
    });
    await inTenant(slug, "insert into organization values (gen_random_uuid(), 'One', 'one')");
    expect((await addLaboratory({ slug })).state).toBe("SUCCEEDED");
    expect((await addLaboratory({ slug, name: "north" })).error?.code).toBe("E_LABORATORY_EXISTS");

    await inTenant(slug, "alter table laboratory add kind int not null default 1");
    await inTenant(slug, "alter table laboratory alter kind drop default");
    expect((await addLaboratory({ slug, name: "South" })).error?.message).toContain(
      "a row there also needs laboratory.kind",
    );
    await inTenant(slug, "drop table laboratory");
    const without = await addLaboratory({ slug });
    expect(without.error).toMatchObject({ code: "E_NO_LABORATORIES" });
    expect(without.error?.message).toContain("it has no laboratory.id");
    await inTenant(slug, `drop schema ${schemaName} cascade`);
    expect((await addLaboratory({ slug })).error).toMatchObject({
      code: "E_TENANT_NOT_READY",
      message: `${schemaName} does not exist: migrate the tenant first`,
    });
  });

  test("refuses a tenant that is unknown or not active, and a name that is no line of text", async () => {
    await expect(addLaboratory({ slug: "nobody" })).rejects.toMatchObject({
      code: "E_TENANT_NOT_FOUND",
      message: "Tenant slug 'nobody' not found",
    });
    const slug = await provisioned();
    await expect(addLaboratory({ slug, name: "a\nb" })).rejects.toMatchObject({
      code: "E_VALIDATION",
    });
    const em = world.platform.orm.em.fork();
    await em.nativeUpdate(TenantEntity, { slug }, { status: "SUSPENDED" });
    await expect(addLaboratory({ slug })).rejects.toMatchObject({
      code: "E_TENANT_NOT_ACTIVE",
      message: `Tenant '${slug}' is not active`,
    });
  });
});
