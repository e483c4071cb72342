import { describe, expect, test } from "vitest";
import { ident } from "../../src/database/sql.ts";
import { describeRows, describeSchemas } from "../../src/tenant-schemas/describe-schemas.ts";
import { perFile } from "../kit/lifetime.ts";
import { openTenantDatabase, type Tenant } from "../kit/tenant-schemas.ts";

const world = perFile(openTenantDatabase);

/** One of everything that a tenant's files can make. */
const BASE = `
  create type mood as enum ('sad', 'happy');
  create type point2 as (x int, y int);
  create type span as range (subtype = float8);
  create domain code as text check (value ~ '^[A-Z]+$');
  create function guard() returns trigger language plpgsql as 'begin return new; end';
  create function twice(n int default 1) returns int language sql immutable set search_path from current
    return n * 2;
  create procedure calm(inout n int) language plpgsql as 'begin n := 1; end';
  create function put(a int, b int) returns int language sql as 'select a + b';
  create aggregate total(int) (sfunc = put, stype = int, initcond = '0');
  create operator ## (leftarg = int, rightarg = int, function = put);
  create function mood_of(int) returns mood language sql as 'select ''sad''::mood';
  create cast (int as mood) with function mood_of(int);
  create text search dictionary plain (template = simple);
  create text search configuration english2 (copy = english);
  create collation nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
  create sequence ticket increment 5;
  create table client (id bigint generated always as identity primary key, name text not null,
    code code, feeling mood default 'sad', half numeric generated always as (id / 2.0) stored);
  create table sample (id serial primary key, client bigint references client, spare text,
    label text default 'none', unique (label), check (id > 0));
  create index sample_client on sample (client) where id > 1;
  create statistics sample_both (dependencies) on client, label from sample;
  create trigger guarded before insert on sample for each row execute function guard();
  create view loud as select upper(name) as name from client;
  create materialized view counted as select count(*) from sample;
  create rule quiet as on delete to client do instead nothing;
  create policy mine on sample for select to current_user using (id > 0);
  create table event (at int, note text) partition by range (at);
  create table event_1 partition of event for values from (0) to (10);
  create table parent (id int);
  create table child (more int) inherits (parent);
`;

/** Makes a schema as the tenant's owner role does; the superuser makes it and gives it away. */
async function made(sql: string): Promise<Tenant> {
  const tenant = world.tenant();
  await world.create(tenant);
  await change(tenant, sql);
  return tenant;
}

async function change({ names }: Tenant, sql: string): Promise<void> {
  const [owner, schema] = [names.ownerRole, names.schema].map(ident);
  await world.client.query(`grant ${owner} to current_user`);
  await world.client.query(`set role ${owner}; set search_path = ${schema}, pg_catalog`);
  try {
    const placed = sql.replaceAll("SCHEMA", schema ?? "").replaceAll("APP", ident(names.appRole));
    await world.client.query(placed);
  } finally {
    await world.client.query("reset role; reset search_path");
  }
}

const labelled = ({ names }: Tenant) => ({
  schemas: [{ name: names.schema, label: "$tenant" }],
  roles: new Map([
    [names.ownerRole, "OWNER"],
    [names.appRole, "APP"],
  ]),
});

const describing = (tenant: Tenant) => describeSchemas(world.client, labelled(tenant));

test("two schemas of the same files are described by the same lines, without their names", async () => {
  const [one, other] = [await made(BASE), await made(BASE)];
  const lines = await describing(one);
  expect(await describing(other)).toEqual(lines);
  expect(lines.join("\n")).not.toContain(one.names.schema);
  expect(lines.filter((line) => line.startsWith("unmodelled"))).toEqual([]);
  expect(lines).toEqual(lines.toSorted());
  const kinds = new Set(lines.map((line) => line.split(" ")[0]));
  expect([...kinds].sort()).toEqual(
    [
      ...["aggregate", "cast", "collation", "column", "composite", "constraint", "domain", "enum"],
      ...[
        "function",
        "grant",
        "index",
        "inherits",
        "materialized",
        "operator",
        "owner",
        "partitioned",
      ],
      ...[
        "policy",
        "procedure",
        "range",
        "rule",
        "sequence",
        "statistics",
        "table",
        "text",
        "trigger",
      ],
      "view",
    ].sort(),
  );
});

test("a column's place is its rank, not its number: a dropped one leaves no trace", async () => {
  const plain = await made("create table t (a int, b int)");
  const gap = await made("create table t (a int, gone int, b int); alter table t drop column gone");
  expect(await describing(gap)).toEqual(await describing(plain));
});

test("the counter that newer servers keep in a column's options is not told of", async () => {
  const tenant = await made("create table t (a int)");
  const before = await describing(tenant);
  await world.client.query(`update pg_attribute set attoptions = '{pg_attver=63122536}'
    where attrelid = '${tenant.names.schema}.t'::regclass and attname = 'a'`);
  expect(await describing(tenant)).toEqual(before);
});

/** What differs, by the SQL that makes the difference. */
const DIFFERENCES: Readonly<Record<string, string>> = {
  "a further table": "create table rogue (id int)",
  "a dropped table": "drop table sample cascade",
  "a further column": "alter table client add column hacked text",
  "a dropped column": "alter table sample drop column spare",
  "a column's type": "alter table sample alter column spare type varchar(9)",
  "a column's collation": `alter table sample alter column spare type text collate "C"`,
  "a default": "alter table sample alter column label set default 'other'",
  "NOT NULL": "alter table sample alter column spare set not null",
  "an identity": "alter table client alter column id drop identity",
  "an identity's kind": "alter table client alter column id set generated by default",
  "a generated column": "alter table client alter column half drop expression",
  "a column's storage": "alter table sample alter column spare set storage external",
  "a column's option": "alter table sample alter column spare set (n_distinct = 5)",
  "a column's statistics": "alter table sample alter column spare set statistics 7",
  "an index": "drop index sample_client",
  "an index's predicate":
    "drop index sample_client; create index sample_client on sample (client) where id > 2",
  "a check": "alter table sample add check (id < 99)",
  "a foreign key": "alter table sample drop constraint sample_client_fkey",
  "a foreign key's action": `alter table sample drop constraint sample_client_fkey;
    alter table sample add constraint sample_client_fkey foreign key (client) references client on delete cascade`,
  "a constraint that was not proved":
    "alter table sample add constraint late check (id < 99) not valid",
  "a constraint that may wait": `alter table sample drop constraint sample_label_key;
    alter table sample add constraint sample_label_key unique (label) deferrable`,
  UNLOGGED: "alter table parent set unlogged",
  "a storage parameter": "alter table sample set (fillfactor = 50)",
  "row level security": "alter table sample enable row level security",
  "forced row level security": "alter table sample force row level security",
  "a replica identity": "alter table sample replica identity full",
  "a partition": "create table event_2 partition of event for values from (10) to (20)",
  "a detached partition": "alter table event detach partition event_1",
  inheritance: "alter table child no inherit parent",
  "a view": "create or replace view loud as select lower(name) as name from client",
  "a view's option": "alter view loud set (security_invoker = true)",
  "a materialized view without data": "refresh materialized view counted with no data",
  "a sequence's step": "alter sequence ticket increment 6",
  "a sequence's owner": "alter sequence ticket owned by sample.spare",
  "a function's body":
    "create or replace function put(a int, b int) returns int language sql as 'select a - b'",
  "a function's volatility": "alter function put(int, int) immutable",
  STRICT: "alter function put(int, int) strict",
  "SECURITY DEFINER": "alter function put(int, int) security definer",
  "a function's setting": "alter function put(int, int) set work_mem = '4MB'",
  "a function's search_path": "alter function twice(int) set search_path = pg_catalog",
  "a function's default": `create or replace function twice(n int default 2) returns int language sql immutable
    set search_path from current return n * 2`,
  "a procedure": "drop procedure calm(int)",
  "an aggregate":
    "create or replace aggregate total(int) (sfunc = put, stype = int, initcond = '1')",
  "a disabled trigger": "alter table sample disable trigger guarded",
  "a dropped trigger": "drop trigger guarded on sample",
  "a rule": "drop rule quiet on client",
  "a policy": "alter policy mine on sample using (id > 1)",
  "a policy's role": "alter policy mine on sample to APP",
  "extended statistics": "alter statistics sample_both set statistics 9",
  "a value of an enum": "alter type mood add value 'calm'",
  "the order of an enum": "alter type mood add value 'calm' before 'happy'",
  "a composite type": "alter type point2 add attribute z int",
  "a range": "create type span2 as range (subtype = int)",
  "a domain's check": "alter domain code add check (length(value) < 9)",
  "a domain's NOT NULL": "alter domain code set not null",
  "an operator": "drop operator ## (int, int)",
  "a cast": "drop cast (int as mood)",
  "a text search configuration": "alter text search configuration english2 drop mapping for word",
  "a text search dictionary": "alter text search dictionary plain (accept = false)",
  "a collation": "drop collation nocase",
  "a grant to PUBLIC": "grant all on client to public",
  "a grant on a column": "grant select (name) on client to public",
  "a right that was taken": "revoke delete on client from APP",
  "a right on future tables":
    "alter default privileges in schema SCHEMA revoke delete on tables from APP",
  "EXECUTE for PUBLIC": "grant execute on function put(int, int) to public",
};

describe("sees in both directions", () => {
  test.for(Object.entries(DIFFERENCES))("%s", async ([, sql]) => {
    const tenant = await made(BASE);
    const before = await describing(tenant);
    await change(tenant, sql);
    const after = await describing(tenant);
    const added = after.filter((line) => !before.includes(line));
    const gone = before.filter((line) => !after.includes(line));
    expect(added.length + gone.length).toBeGreaterThan(0);
    const again = await made(BASE);
    expect(await describing(again)).toEqual(before);
    await change(again, sql);
    expect(await describing(again)).toEqual(after);
    await world.drop(tenant);
    await world.drop(again);
  });
});

test("triggers that check foreign keys are told of where they are switched off", async () => {
  const tenant = await made(BASE);
  const before = await describing(tenant);
  await world.client.query(`alter table ${tenant.names.schema}.sample disable trigger all`);
  const news = (await describing(tenant)).filter((line) => !before.includes(line));
  expect(
    news.filter((line) => line.startsWith("trigger") && line.endsWith("disabled")),
  ).toHaveLength(3);
});

test("an invalid index and another owner are told of", async () => {
  const tenant = await made(BASE);
  const before = await describing(tenant);
  await world.client.query(`
    update pg_index set indisvalid = false where indexrelid = '${tenant.names.schema}.sample_client'::regclass;
    alter table ${tenant.names.schema}.parent owner to current_user`);
  const news = (await describing(tenant)).filter((line) => !before.includes(line));
  expect(news.find((line) => line.startsWith("index $tenant.sample_client"))).toMatch(/ invalid$/);
  expect(news).toContain(`owner relation $tenant.parent ${world.user}`);
});

test("what no query takes is named as unmodelled; Tenantry's and extensions' objects are not told of", async () => {
  const tenant = await made("create table tenantry_migration (id int)");
  const { schema } = tenant.names;
  const empty = await describing(await made(""));
  await world.client.query(`create extension citext schema ${schema}`);
  expect(await describing(tenant)).toEqual(empty);
  await world.client.query(
    `create conversion ${schema}.mine for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8`,
  );
  const news = (await describing(tenant)).filter((line) => !empty.includes(line));
  expect(news).toEqual(["unmodelled conversion $tenant.mine"]);
  await world.client.query("drop extension citext");
});

test("rows are counted by table", async () => {
  const tenant = await made(
    `${BASE} insert into parent values (1), (2); insert into child values (3, 4);`,
  );
  const rows = await describeRows(world.client, labelled(tenant));
  expect(rows).toContain("rows $tenant.parent 2");
  expect(rows).toContain("rows $tenant.child 1");
  expect(rows).toContain("rows $tenant.event_1 0");
  expect(rows).toEqual(rows.toSorted());
});

test("a schema that does not exist has no lines", async () => {
  expect(await describing(world.tenant())).toEqual([]);
});
