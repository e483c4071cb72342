import { Migration } from "@mikro-orm/migrations";

/** The platform schema: tenants, db servers, operations, identities and access, secrets, mail, audit. */
export class Migration0001Platform extends Migration {
  override up(): void {
    this.addSql(`
      create table platform.db_server (
        id uuid primary key,
        name text not null unique,
        region text not null,
        host text not null,
        port integer not null check (port between 1 and 65535),
        tls_mode text not null check (tls_mode in ('DISABLE', 'REQUIRE', 'VERIFY_FULL')),
        kind text not null check (kind in ('POSTGRES', 'CITUS')),
        capacity_hint integer not null check (capacity_hint >= 0),
        admin_secret_ref text not null,
        tenant_database text not null,
        status text not null check (status in ('ACTIVE', 'DRAINING', 'INACTIVE')),
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now()
      );

      create table platform.tenant (
        id uuid primary key,
        slug text not null check (slug ~ '^[a-z][a-z0-9-]{2,39}$'),
        name text not null,
        status text not null check (status in ('PROVISIONING', 'ACTIVE', 'FAILED', 'SUSPENDED', 'OFFBOARDED', 'PURGED')),
        isolation text not null check (isolation in ('SCHEMA', 'DATABASE')),
        db_server_id uuid references platform.db_server (id),
        database_name text,
        schema_name text not null,
        owner_role text not null,
        app_role text not null,
        secret_name text not null,
        schema_version text,
        migrations_applied integer not null default 0,
        admin_email text not null,
        region text,
        vertical text,
        states text[] not null default '{}',
        tier text not null check (tier in ('TRIAL', 'STANDARD', 'PREMIUM', 'ENTERPRISE')),
        time_zone text not null,
        support_email text,
        support_phone text,
        requested_by text,
        failure_code text,
        failure_message text,
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now(),
        activated_at timestamptz
      );
      -- A purged slug can be used again.
      create unique index tenant_slug_key on platform.tenant (slug) where status <> 'PURGED';
      create index tenant_status_idx on platform.tenant (status, id);
      create index tenant_db_server_idx on platform.tenant (db_server_id);

      create table platform.operation (
        id uuid primary key,
        kind text not null,
        state text not null check (state in ('PENDING', 'RUNNING', 'CANCELLING', 'UNDOING', 'SUCCEEDED', 'FAILED', 'CANCELLED')),
        subject_id uuid references platform.tenant (id),
        subject_name text not null,
        dry_run boolean not null,
        input jsonb not null,
        result jsonb,
        error jsonb,
        actor_kind text not null,
        actor_id text not null,
        actor_name text not null,
        idempotency_key text,
        request_hash text not null,
        retry_of uuid references platform.operation (id),
        cancel_requested_at timestamptz,
        last_sequence integer not null default 0,
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now(),
        started_at timestamptz,
        finished_at timestamptz,
        check ((finished_at is not null) = (state in ('SUCCEEDED', 'FAILED', 'CANCELLED')))
      );
      -- At most one active operation a tenant.
      create unique index operation_active_key on platform.operation (subject_id) where finished_at is null;
      create unique index operation_idempotency_key on platform.operation (actor_kind, actor_id, kind, idempotency_key)
        where idempotency_key is not null;
      create unique index operation_retry_of_key on platform.operation (retry_of);
      create index operation_subject_idx on platform.operation (subject_id, id);
      create index operation_state_idx on platform.operation (state, id);
      create index operation_updated_idx on platform.operation (updated_at);

      create table platform.operation_phase (
        operation_id uuid not null references platform.operation (id) on delete cascade,
        position integer not null,
        name text not null,
        state text not null check (state in ('PENDING', 'RUNNING', 'SUCCEEDED', 'SKIPPED', 'FAILED', 'UNDOING', 'UNDONE', 'UNDO_FAILED')),
        completed integer not null default 0,
        total integer,
        attempt integer not null default 0,
        note text,
        error jsonb,
        started_at timestamptz,
        finished_at timestamptz,
        primary key (operation_id, position),
        unique (operation_id, name)
      );

      create table platform.operation_event (
        operation_id uuid not null references platform.operation (id) on delete cascade,
        sequence integer not null check (sequence > 0),
        at timestamptz not null default now(),
        body jsonb not null,
        primary key (operation_id, sequence)
      );

      create table platform.worker (
        executor_id text primary key,
        host text not null,
        pid integer not null,
        started_at timestamptz not null default now(),
        seen_at timestamptz not null default now()
      );

      create table platform.platform_user (
        id uuid primary key,
        email text not null unique check (email = lower(email)),
        name text not null,
        role text not null check (role in ('ADMINISTRATOR', 'PROVISIONER', 'SUPPORT', 'BILLING', 'READONLY')),
        password_hash text not null,
        must_change_password boolean not null,
        one_time_password_expires_at timestamptz,
        disabled_at timestamptz,
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now()
      );

      create table platform.refresh_token (
        id uuid primary key,
        family uuid not null,
        user_id uuid not null references platform.platform_user (id) on delete cascade,
        token_hash text not null unique,
        expires_at timestamptz not null,
        used_at timestamptz,
        revoked_at timestamptz,
        created_at timestamptz not null default now()
      );
      create index refresh_token_family_idx on platform.refresh_token (family);
      create index refresh_token_user_idx on platform.refresh_token (user_id);

      create table platform.signing_key (
        id text primary key,
        purpose text not null check (purpose in ('ACCESS', 'INVITATION')),
        public_jwk jsonb,
        secret_name text not null,
        created_at timestamptz not null default now(),
        retired_at timestamptz
      );
      create unique index signing_key_active_key on platform.signing_key (purpose) where retired_at is null;

      create table platform.secret_version (
        name text not null check (name = lower(name)),
        version text not null,
        nonce bytea not null,
        ciphertext bytea not null,
        tags jsonb not null default '{}',
        -- Tells which version is the newest, whatever the clocks of the writers say.
        ordinal bigint generated always as identity,
        created_at timestamptz not null default now(),
        primary key (name, version)
      );
      create index secret_version_newest_idx on platform.secret_version (name, ordinal desc);

      create table platform.identity (
        id uuid primary key,
        email text not null unique check (email = lower(email)),
        name text,
        password_hash text,
        must_change_password boolean not null default false,
        one_time_password_expires_at timestamptz,
        last_signed_in_at timestamptz,
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now()
      );

      create table platform.membership (
        id uuid primary key,
        identity_id uuid not null references platform.identity (id),
        tenant_id uuid not null references platform.tenant (id),
        role text not null check (role in ('OWNER', 'ADMIN', 'MEMBER')),
        -- The operation that made it, so that its undo removes nothing else.
        operation_id uuid,
        created_at timestamptz not null default now(),
        unique (tenant_id, identity_id)
      );
      create index membership_identity_idx on platform.membership (identity_id);

      create table platform.invitation (
        id uuid primary key,
        tenant_id uuid not null references platform.tenant (id),
        identity_id uuid not null references platform.identity (id),
        kind text not null check (kind in ('INVITATION', 'ONE_TIME_PASSWORD')),
        operation_id uuid not null,
        -- Whether the identity was made together with this invitation, and goes with it.
        created_identity boolean not null,
        token_hash text unique,
        expires_at timestamptz not null,
        accepted_at timestamptz,
        revealed_at timestamptz,
        revoked_at timestamptz,
        created_at timestamptz not null default now(),
        check ((kind = 'INVITATION') = (token_hash is not null))
      );
      create index invitation_operation_idx on platform.invitation (operation_id);
      create index invitation_tenant_idx on platform.invitation (tenant_id);
      create index invitation_identity_idx on platform.invitation (identity_id);

      create table platform.mail (
        id uuid primary key,
        template text not null,
        recipient text not null,
        params jsonb not null,
        -- The id of what it tells of (an invitation, a membership): revoked together with it.
        subject_id uuid not null,
        state text not null check (state in ('PENDING', 'SENT', 'FAILED', 'REVOKED')),
        attempts integer not null default 0,
        next_attempt_at timestamptz not null default now(),
        last_error text,
        created_at timestamptz not null default now(),
        sent_at timestamptz
      );
      create index mail_pending_idx on platform.mail (next_attempt_at) where state = 'PENDING';
      create index mail_subject_idx on platform.mail (subject_id);

      create table platform.audit_event (
        id uuid primary key,
        -- 1, 2, 3 … in the order of the commits; null only inside the transaction that writes the row.
        sequence bigint unique,
        at timestamptz not null default now(),
        type text not null,
        actor_kind text not null,
        actor_id text not null,
        actor_name text not null,
        address text,
        tenant_id uuid,
        tenant_slug text,
        operation_id uuid,
        detail jsonb not null default '{}',
        prev_hash text,
        hash text
      );
      create index audit_event_tenant_idx on platform.audit_event (tenant_id, sequence);
      create index audit_event_type_idx on platform.audit_event (type, sequence);
      create index audit_event_operation_idx on platform.audit_event (operation_id);

      -- The newest link of the chain: its row lock numbers the rows, and a removed tail shows.
      create table platform.audit_head (
        single boolean primary key default true check (single),
        sequence bigint not null,
        hash text not null
      );
      insert into platform.audit_head (sequence, hash) values (0, repeat('0', 64));

      create function platform.audit_hash(prev text, number bigint, event platform.audit_event)
      returns text language sql stable as $$
        select encode(sha256(convert_to(jsonb_build_array(
          prev, number, event.id, (extract(epoch from event.at) * 1000000)::bigint, event.type,
          event.actor_kind, event.actor_id, event.actor_name, event.address, event.tenant_id,
          event.tenant_slug, event.operation_id, event.detail)::text, 'UTF8')), 'hex')
      $$;

      create function platform.audit_unchain() returns trigger language plpgsql as $$
      begin
        new.sequence := null;
        new.prev_hash := null;
        new.hash := null;
        return new;
      end $$;
      create trigger audit_event_unchained before insert on platform.audit_event
        for each row execute function platform.audit_unchain();

      -- Deferred to the commit: the lock on the chain is then the last that a transaction takes, so
      -- that it is held shortly and can be part of no deadlock with the rows of other rooms.
      create function platform.audit_chain() returns trigger language plpgsql as $$
      declare
        number bigint;
        prev text;
        link text;
      begin
        update platform.audit_head set sequence = sequence + 1 returning sequence, hash into strict number, prev;
        link := platform.audit_hash(prev, number, new);
        update platform.audit_event set sequence = number, prev_hash = prev, hash = link where id = new.id;
        update platform.audit_head set hash = link;
        return null;
      end $$;
      create constraint trigger audit_event_chained after insert on platform.audit_event
        deferrable initially deferred for each row execute function platform.audit_chain();

      create function platform.refuse_change() returns trigger language plpgsql as $$
      begin
        raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
      end $$;
      create function platform.audit_refuse_change() returns trigger language plpgsql as $$
      declare
        links constant text[] := array['sequence', 'prev_hash', 'hash'];
      begin
        -- The one change that a row sees: it becomes a link of the chain.
        if old.sequence is null and pg_trigger_depth() > 1 and to_jsonb(old) - links = to_jsonb(new) - links then
          return new;
        end if;
        raise exception 'audit_event is append-only' using errcode = 'restrict_violation';
      end $$;
      create trigger audit_event_append_only before update on platform.audit_event
        for each row execute function platform.audit_refuse_change();
      create trigger audit_event_not_deleted before delete on platform.audit_event
        for each row execute function platform.refuse_change();
      create trigger audit_event_no_truncate before truncate on platform.audit_event
        for each statement execute function platform.refuse_change();
      create trigger audit_head_stays before delete on platform.audit_head
        for each row execute function platform.refuse_change();
      create trigger operation_event_unchanged before update on platform.operation_event
        for each row execute function platform.refuse_change();
    `);
  }
}
