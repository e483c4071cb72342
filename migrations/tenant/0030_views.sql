-- Views run with the rights of whoever reads them.

create view open_work with (security_invoker = true) as
select r.id as analysis_result_id, r.state, a.code as analysis_code, a.name as analysis_name, a.department_id,
       s.id as sample_id, s.sample_number, s.laboratory_id, s.received_at,
       q.id as analysis_request_id, q.request_number, p.code as priority_code, p.rank as priority_rank,
       coalesce(q.due_at, s.received_at + make_interval(mins => coalesce(p.turnaround_minutes, a.turnaround_minutes))) as due_at
from analysis_result r
join analysis a on a.id = r.analysis_id
join sample s on s.id = r.sample_id
left join analysis_request q on q.id = s.analysis_request_id
left join priority p on p.id = q.priority_id
where r.state in ('PENDING', 'ASSIGNED', 'TO_BE_VERIFIED')
  and s.state in ('RECEIVED', 'IN_PROGRESS', 'TO_BE_VERIFIED');
comment on view open_work is 'Results still to be measured or verified on samples that are here, with the time they are due.';

create view request_turnaround with (security_invoker = true) as
select q.id as analysis_request_id, q.request_number, q.laboratory_id, q.client_id, p.code as priority_code,
       q.received_at, q.published_at, q.published_at - q.received_at as turnaround,
       q.published_at <= coalesce(q.due_at, q.received_at + make_interval(mins => p.turnaround_minutes)) as is_on_time
from analysis_request q
left join priority p on p.id = q.priority_id
where q.published_at is not null and q.received_at is not null;
comment on view request_turnaround is 'How long published requests took from receipt to publication, and whether that was as promised.';

create view sample_location with (security_invoker = true) as
with recursive path as (
  select id, name::text as full_path from storage_location where parent_id is null
  union all
  select l.id, path.full_path || ' / ' || l.name from storage_location l join path on path.id = l.parent_id
)
select s.id as sample_id, s.sample_number, s.state, pl.storage_location_id, path.full_path,
       po.row_number, po.column_number, pl.placed_at
from sample_placement pl
join sample s on s.id = pl.sample_id
join path on path.id = pl.storage_location_id
left join storage_position po on po.id = pl.storage_position_id
where pl.removed_at is null;
comment on view sample_location is 'Where each stored sample lies now, from the room to the position.';

create view levey_jennings_point with (security_invoker = true) as
select r.id as qc_result_id, r.measured_at, a.code as analysis_code, m.code as material_code, m.level, l.lot_number,
       t.instrument_id, r.value, r.z_score, t.mean, t.standard_deviation, r.status,
       array(select w.code from qc_violation v join westgard_rule w on w.id = v.westgard_rule_id
             where v.qc_result_id = r.id order by w.code) as violated_rules
from qc_result r
join qc_target t on t.id = r.qc_target_id
join qc_lot l on l.id = t.qc_lot_id
join qc_material m on m.id = l.qc_material_id
join analysis a on a.id = t.analysis_id;
comment on view levey_jennings_point is 'Control results as points of a Levey-Jennings chart, with the rules that each broke.';

create view cumulative_antibiogram with (security_invoker = true) as
select date_trunc('year', i.identified_at)::date as year, o.code as organism_code, o.name as organism_name,
       ab.code as antibiotic_code, ab.name as antibiotic_name, count(*) as tested,
       count(*) filter (where r.interpretation = 'S') as susceptible,
       round(100.0 * count(*) filter (where r.interpretation = 'S') / count(*), 1) as susceptible_percent
from isolate i
join organism o on o.id = i.organism_id
join ast_test t on t.isolate_id = i.id and t.state = 'VERIFIED'
join ast_result r on r.ast_test_id = t.id and r.interpretation in ('S', 'I', 'SDD', 'R', 'NS')
join antibiotic ab on ab.id = r.antibiotic_id
where i.is_first_of_patient and i.significance = 'PATHOGEN' and i.identified_at is not null
group by 1, 2, 3, 4, 5;
comment on view cumulative_antibiogram is 'Susceptibility by year, organism and agent, first isolate per patient. Fewer than 30 isolates are too few to report.';

create view stock_on_hand with (security_invoker = true) as
select l.id as inventory_lot_id, i.code as item_code, i.name as item_name, l.laboratory_id, l.lot_number, l.status,
       l.expires_on, coalesce(sum(m.quantity), 0) as quantity, i.reorder_level
from inventory_lot l
join inventory_item i on i.id = l.inventory_item_id
left join stock_movement m on m.inventory_lot_id = l.id
where l.status in ('QUARANTINE', 'RELEASED', 'IN_USE')
group by l.id, i.id;
comment on view stock_on_hand is 'What is left of each usable lot.';

create view invoice_balance with (security_invoker = true) as
select v.id as invoice_id, v.invoice_number, v.status, v.due_on, v.currency_id, v.total_amount,
       coalesce(paid.amount, 0) as paid_amount, v.total_amount - coalesce(paid.amount, 0) as open_amount
from invoice v
left join lateral (select sum(a.amount) as amount from payment_allocation a where a.invoice_id = v.id) paid on true
where v.status in ('ISSUED', 'PARTLY_PAID', 'PAID');
comment on view invoice_balance is 'What has been paid on issued invoices, and what is open.';
