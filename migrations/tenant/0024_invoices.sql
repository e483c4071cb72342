create table invoice (
  id bigint generated always as identity primary key,
  invoice_number text unique,
  kind text not null default 'INVOICE' check (kind in ('INVOICE', 'CREDIT_NOTE')),
  corrects_invoice_id bigint references invoice (id) on delete restrict,
  organization_id bigint references organization (id) on delete restrict,
  client_id bigint references client (id) on delete restrict,
  patient_id bigint references patient (id) on delete restrict,
  payer_id bigint references payer (id) on delete restrict,
  currency_id bigint not null references currency (id) on delete restrict,
  status text not null default 'DRAFT' check (status in ('DRAFT', 'ISSUED', 'PARTLY_PAID', 'PAID', 'WRITTEN_OFF', 'VOID')),
  issued_on date,
  due_on date,
  net_amount numeric(14, 2) not null default 0,
  tax_amount numeric(14, 2) not null default 0,
  total_amount numeric(14, 2) generated always as (net_amount + tax_amount) stored,
  remarks text,
  created_by bigint references app_user (id) on delete restrict,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (num_nonnulls(client_id, patient_id, payer_id) > 0),
  check (status = 'DRAFT' or (invoice_number is not null and issued_on is not null)),
  check (due_on >= issued_on),
  check ((kind = 'CREDIT_NOTE') = (corrects_invoice_id is not null))
);
create index invoice_client_idx on invoice (client_id, issued_on) where client_id is not null;
create index invoice_patient_idx on invoice (patient_id) where patient_id is not null;
create index invoice_payer_idx on invoice (payer_id, issued_on) where payer_id is not null;
create index invoice_corrects_idx on invoice (corrects_invoice_id) where corrects_invoice_id is not null;
create index invoice_open_idx on invoice (due_on) where status in ('ISSUED', 'PARTLY_PAID');
comment on table invoice is 'A bill, or a credit note that corrects one. It gets its number when issued, and is not changed after that.';
create trigger set_updated_at before update on invoice for each row execute function set_updated_at();

create table invoice_line (
  id bigint generated always as identity primary key,
  invoice_id bigint not null references invoice (id) on delete cascade,
  line_number integer not null check (line_number > 0),
  analysis_request_id bigint references analysis_request (id) on delete restrict,
  analysis_id bigint references analysis (id) on delete restrict,
  profile_id bigint references profile (id) on delete restrict,
  description text not null,
  billing_code text,
  quantity numeric(10, 2) not null default 1 check (quantity <> 0),
  unit_price numeric(14, 2) not null,
  discount_percent numeric(5, 2) not null default 0 check (discount_percent between 0 and 100),
  tax_percent numeric(5, 2) not null default 0 check (tax_percent between 0 and 100),
  net_amount numeric(14, 2) generated always as (round(quantity * unit_price * (1 - discount_percent / 100), 2)) stored,
  unique (invoice_id, line_number)
);
create index invoice_line_request_idx on invoice_line (analysis_request_id) where analysis_request_id is not null;
create index invoice_line_analysis_idx on invoice_line (analysis_id) where analysis_id is not null;
create index invoice_line_profile_idx on invoice_line (profile_id) where profile_id is not null;
comment on table invoice_line is 'What is charged, worded and priced as it was on the day.';

create table payment (
  id bigint generated always as identity primary key,
  payment_number text not null unique,
  client_id bigint references client (id) on delete restrict,
  payer_id bigint references payer (id) on delete restrict,
  currency_id bigint not null references currency (id) on delete restrict,
  method text not null check (method in ('CASH', 'CARD', 'TRANSFER', 'CHEQUE', 'DIRECT_DEBIT', 'REMITTANCE', 'OTHER')),
  amount numeric(14, 2) not null check (amount > 0),
  reference text,
  received_on date not null default current_date,
  recorded_by bigint references app_user (id) on delete restrict,
  created_at timestamptz not null default now()
);
create index payment_client_idx on payment (client_id) where client_id is not null;
create index payment_payer_idx on payment (payer_id) where payer_id is not null;
comment on table payment is 'Money received.';

create table payment_allocation (
  payment_id bigint not null references payment (id) on delete cascade,
  invoice_id bigint not null references invoice (id) on delete restrict,
  amount numeric(14, 2) not null check (amount > 0),
  primary key (payment_id, invoice_id)
);
create index payment_allocation_invoice_idx on payment_allocation (invoice_id);
comment on table payment_allocation is 'This much of the payment settles the invoice.';
