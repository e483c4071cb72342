import { Migration } from "@mikro-orm/migrations";

/**
 * Indexes for filters that few tenants pass: without them a list reads the whole registry. Texts are found by
 * their bigrams and trigrams, since the extension pg_trgm may not be there.
 */
export class Migration0027TenantFilters extends Migration {
  override up(): void {
    this.addSql(`
      create index tenant_region_tier_idx on platform.tenant (region, tier);
      create index tenant_created_idx on platform.tenant (created_at);
      create index tenant_isolation_idx on platform.tenant (isolation);
      create index tenant_requested_by_idx on platform.tenant (requested_by) where requested_by is not null;
      create index tenant_locked_idx on platform.tenant (id) where locked_at is not null;

      create function platform.ngrams(content text, sizes integer[]) returns text[]
        language sql immutable parallel safe strict cost 1000 as $$
        select coalesce(array_agg(distinct substr(content, start, size)), '{}')
        from unnest(sizes) size, generate_series(1, length(content) - size + 1) start
      $$;
      create index tenant_text_idx on platform.tenant using gin (
        platform.ngrams(lower(slug || ' ' || name || ' ' || coalesce(admin_email, '')), '{2,3}')
      );
    `);
  }
}
