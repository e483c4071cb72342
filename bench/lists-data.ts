// The registry that bench/lists.ts asks.

import type { EntityManager } from "../src/database/orm.ts";
import type { VersionFilter } from "../src/tenants/list.ts";

const WORDS =
  "river,north,harbor,maple,stone,cedar,bright,summit,valley,meadow,orchard,willow,granite,coastal,prairie,lantern";

const SERVERS = `insert into platform.db_server (id, name, region, host, port, tls_mode, kind, capacity_hint,
    admin_secret_ref, tenant_database, status)
  select gen_random_uuid(), 'db-' || n, 'eu-west', 'db-' || n, 5432, 'DISABLE', 'POSTGRES', 100000, 'secret',
    'tenants', 'ACTIVE'
  from generate_series(1, 3) n`;

/** Of a year, spread by parts of a hash: 94 % ACTIVE, 80 % at the newest version, the others at 39 older ones. */
const TENANTS = `insert into platform.tenant (id, slug, name, status, isolation, db_server_id, schema_name, owner_role, app_role,
      secret_name, schema_version, migrations_applied, admin_email, region, tier, labels, time_zone, requested_by,
      created_at, updated_at, activated_at, purge_after, locked_at, lock_reason)
    select (lpad(to_hex((extract(epoch from made) * 1000)::bigint), 12, '0') || '7' || substr(hash, 1, 3) || '8'
        || substr(hash, 4, 15))::uuid,
      word || '-' || n, initcap(word || ' ' || words[1 + h5 % 16]) || ' ' || n, status,
      case when h1 % 20 = 0 then 'DATABASE' else 'SCHEMA' end,
      (select id from platform.db_server where name = 'db-' || (1 + h2 % 3)),
      'org_' || n, 'org_' || n || '_owner', 'org_' || n || '_app', 'tenants/' || n,
      case when h3 % 10 > 1 then ? when h3 % 1000 = 1 then null else '0000_bench_' || (1 + h3 / 10 % 39) end,
      ?::int, word || n || '@example.com',
      (array['eu-west', 'us-east', 'us-west', 'ap-south', 'sa-east'])[1 + h2 / 3 % 5],
      (array['TRIAL', 'STANDARD', 'STANDARD', 'STANDARD', 'PREMIUM', 'ENTERPRISE'])[1 + h4 % 6],
      jsonb_build_object('wave', (1 + h5 / 16 % 10)::text, 'team', chr(97 + h4 / 6 % 26)),
      'UTC', 'sales-' || (h4 / 156 % 200), made, made + (now() - made) * ((h1 / 20 % 1000) / 1000.0), made,
      case when status = 'OFFBOARDED' then now() + interval '30 days' end,
      case when h1 / 7 % 100 = 0 then now() end, case when h1 / 7 % 100 = 0 then 'legal hold' end
    from generate_series(1, ?::int) n
    cross join lateral (select md5(n::text) as hash, string_to_array('${WORDS}', ',') as words) t
    cross join lateral (select ('x' || substr(hash, 1, 6))::bit(24)::int as h1, ('x' || substr(hash, 7, 6))::bit(24)::int as h2,
      ('x' || substr(hash, 13, 6))::bit(24)::int as h3, ('x' || substr(hash, 19, 6))::bit(24)::int as h4,
      ('x' || substr(hash, 25, 6))::bit(24)::int as h5) h
    cross join lateral (select words[1 + h1 % 16] as word, now() - interval '1 year' * (h3 / 16777216.0) as made,
      case when h5 % 1000 < 940 then 'ACTIVE' when h5 % 1000 < 960 then 'SUSPENDED' when h5 % 1000 < 965 then 'FAILED'
        when h5 % 1000 < 980 then 'OFFBOARDED' else 'PURGED' end as status) s`;

/** Two of each tenant. */
const OPERATIONS = `insert into platform.operation (id, kind, state, subject_id, subject_name, dry_run, input, actor_kind,
    actor_id, actor_name, request_hash, created_at, updated_at, started_at, finished_at)
  select overlay(id::text placing n || '8' from 1 for 2)::uuid, (array['PROVISION', 'SUSPEND'])[n],
    case when status = 'FAILED' then 'FAILED' else 'SUCCEEDED' end, id, slug, false, '{}', 'OS_USER', 'bench', 'bench',
    md5(slug || n), created_at, updated_at, created_at, updated_at
  from platform.tenant cross join generate_series(1, 2) n`;

/** Fills the registry and its statistics; tells no follower of it. */
export async function fill(
  em: EntityManager,
  tenants: number,
  { newest, counts }: VersionFilter,
): Promise<void> {
  await em.execute("alter table platform.tenant disable trigger tenant_changed");
  await em.execute(SERVERS);
  await em.execute(TENANTS, [newest, counts.at(-1), tenants]);
  await em.execute(OPERATIONS);
  await em.execute("vacuum analyze platform.tenant");
  await em.execute("analyze platform.db_server, platform.operation");
}
