import { Migration } from "@mikro-orm/migrations";

/** What reading the audit trail by its filters needs; refusals counted; the chain held more firmly. */
export class Migration0009AuditReading extends Migration {
  override up(): void {
    this.addSql(`
      create index audit_event_slug_idx on platform.audit_event (tenant_slug, sequence);
      create index audit_event_actor_idx on platform.audit_event (actor_id, sequence);
      create index audit_event_actor_kind_idx on platform.audit_event (actor_kind, sequence);
      create index audit_event_address_idx on platform.audit_event (address, sequence);
      create index audit_event_at_idx on platform.audit_event (at, sequence);

      -- How often an actor was refused one thing within a minute, which all processes count together.
      create table platform.refusal_count (
        actor_kind text not null,
        actor_id text not null,
        subject text not null,
        since timestamptz not null default now(),
        times integer not null default 1 check (times > 0),
        primary key (actor_kind, actor_id, subject)
      );

      -- One lock and one write of the head for each row; it is held until the commit.
      create or replace function platform.audit_chain() returns trigger language plpgsql as $$
      declare
        head platform.audit_head;
        link text;
      begin
        select * into strict head from platform.audit_head for update;
        head.sequence := head.sequence + 1;
        link := platform.audit_hash(head.hash, head.sequence, new);
        update platform.audit_event set sequence = head.sequence, prev_hash = head.hash, hash = link
          where id = new.id;
        update platform.audit_head set sequence = head.sequence, hash = link;
        return null;
      end $$;

      -- The head moves with the chain, and in no other way.
      create function platform.audit_head_refuse_change() returns trigger language plpgsql as $$
      begin
        if pg_trigger_depth() > 1 then return new; end if;
        raise exception 'audit_head is append-only' using errcode = 'restrict_violation';
      end $$;
      create trigger audit_head_follows before update on platform.audit_head
        for each row execute function platform.audit_head_refuse_change();
      create trigger audit_head_no_truncate before truncate on platform.audit_head
        for each statement execute function platform.refuse_change();

      -- Also in a session that calls itself a replica, for which triggers sleep otherwise.
      alter table platform.audit_event
        enable always trigger audit_event_unchained,
        enable always trigger audit_event_chained,
        enable always trigger audit_event_append_only,
        enable always trigger audit_event_not_deleted,
        enable always trigger audit_event_no_truncate;
      alter table platform.audit_head
        enable always trigger audit_head_stays,
        enable always trigger audit_head_follows,
        enable always trigger audit_head_no_truncate;
    `);
  }
}
