import type { ClientBase } from "pg";

/**
 * Fills a bundled tenant schema with records: each sample has a patient, a request and a result of
 * its own, and every other sample, the first one among them, is RECEIVED. The search path must name
 * the schema.
 */
export async function fillRecords(client: ClientBase, count: number): Promise<void> {
  await fillReferences(client);
  await client.query(RECORDS.replaceAll("$count", String(count)));
}

/** Adds the rows that records refer to. */
export async function fillReferences(client: ClientBase): Promise<void> {
  await client.query(REFERENCES);
}

const REFERENCES = `
  insert into organization (name, setup_name) values ('Acme', 'snapshot-tests')
    on conflict do nothing;
  insert into laboratory (organization_id, name, code) select id, 'Central', 'CEN' from organization
    on conflict do nothing;
  insert into client (code, name) values ('C1', 'City Hospital');
  insert into practitioner (code, full_name, national_provider_number) values ('P1', 'Dr Grey', '123');
  insert into identifier_type (code, name) values ('ZMR', 'Record number');
  insert into sample_type (code, name, category) values ('ZSER', 'Serum', 'BLOOD');
  insert into container_type (code, name, kind) values ('ZTUBE', 'Gel tube', 'TUBE');
  insert into priority (code, name, rank) values ('ZSTAT', 'At once', 9999);
  insert into unit (code, display, name, quantity) values ('zmmol/L', 'mmol/L', 'millimole', 'amount');
  insert into method (code, name) values ('ZHEX', 'Hexokinase');
  insert into analysis_category (code, name) values ('ZCHEM', 'Chemistry');
  insert into analysis (code, name, loinc_code, category_id)
    select 'ZGLU', 'Glucose', '2345-7', id from analysis_category where code = 'ZCHEM';
  insert into specification (code, version, name) values ('ZREF', 3, 'Adults');
  insert into specification_range (specification_id, analysis_id, unit_id, low, high)
    select s.id, a.id, u.id, 3.9, 5.6 from specification s, analysis a, unit u
    where s.code = 'ZREF' and a.code = 'ZGLU' and u.code = 'zmmol/L';`;

const RECORDS = `
  insert into patient (patient_number, client_id, primary_practitioner_id, family_name, birth_date)
    select 'PAT' || n, (select id from client where code = 'C1'),
      (select id from practitioner where code = 'P1'), 'Family ' || n, '1980-02-29'
    from generate_series(1, $count) n;
  insert into patient_identifier (patient_id, identifier_type_id, value)
    select p.id, t.id, 'MR-' || p.patient_number from patient p, identifier_type t
    where t.code = 'ZMR' and p.patient_number like 'PAT%';
  insert into analysis_request (request_number, laboratory_id, client_id, patient_id, priority_id, specification_id)
    select 'REQ' || substr(p.patient_number, 4), (select max(id) from laboratory where name = 'Central'),
      p.client_id, p.id, (select id from priority where code = 'ZSTAT'),
      (select id from specification where code = 'ZREF')
    from patient p where p.patient_number like 'PAT%' order by p.id;
  insert into sample (sample_number, analysis_request_id, laboratory_id, client_id, patient_id,
      sample_type_id, container_type_id, state)
    select 'SAM' || substr(r.request_number, 4), r.id, r.laboratory_id, r.client_id, r.patient_id,
      (select id from sample_type where code = 'ZSER'), (select id from container_type where code = 'ZTUBE'),
      case substr(r.request_number, 4)::int % 2 when 1 then 'RECEIVED' else 'PUBLISHED' end
    from analysis_request r where r.request_number like 'REQ%' order by r.id;
  insert into analysis_result (sample_id, analysis_id, method_id, unit_id, specification_range_id)
    select s.id, a.id, (select id from method where code = 'ZHEX'), g.unit_id, g.id
    from sample s, analysis a join specification_range g on g.analysis_id = a.id
    where s.sample_number like 'SAM%' and a.code = 'ZGLU'
      and g.specification_id = (select id from specification where code = 'ZREF')
    order by s.id;`;
