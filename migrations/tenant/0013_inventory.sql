create table supplier (
  id bigint generated always as identity primary key,
  code text not null unique,
  name text not null,
  kind text not null default 'SUPPLIER' check (kind in ('MANUFACTURER', 'SUPPLIER', 'SERVICE', 'REFERRAL_LABORATORY')),
  email text,
  phone text,
  website text,
  country_id bigint references country (id) on delete restrict,
  account_number text,
  is_approved boolean not null default false,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table supplier is 'A company that makes, sells or services what the laboratory uses.';
create trigger set_updated_at before update on supplier for each row execute function set_updated_at();

create table inventory_item (
  id bigint generated always as identity primary key,
  code text not null unique,
  name text not null,
  kind text not null check (kind in ('REAGENT', 'CONTROL', 'CALIBRATOR', 'MEDIUM', 'CONSUMABLE', 'CONTAINER', 'SPARE_PART')),
  supplier_id bigint references supplier (id) on delete restrict,
  catalog_number text,
  pack_size numeric(12, 3) not null default 1 check (pack_size > 0),
  unit_id bigint references unit (id) on delete restrict,
  storage_condition_id bigint references storage_condition (id) on delete restrict,
  reorder_level numeric(12, 3) not null default 0 check (reorder_level >= 0),
  open_stability_days integer check (open_stability_days > 0),
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index inventory_item_supplier_idx on inventory_item (supplier_id);
comment on table inventory_item is 'A product kept in stock.';
create trigger set_updated_at before update on inventory_item for each row execute function set_updated_at();

create table inventory_lot (
  id bigint generated always as identity primary key,
  inventory_item_id bigint not null references inventory_item (id) on delete restrict,
  laboratory_id bigint not null references laboratory (id) on delete restrict,
  lot_number text not null,
  storage_location_id bigint references storage_location (id) on delete set null,
  status text not null default 'QUARANTINE' check (status in ('QUARANTINE', 'RELEASED', 'IN_USE', 'DEPLETED', 'EXPIRED', 'RECALLED')),
  expires_on date,
  received_on date not null default current_date,
  opened_on date,
  released_by bigint references app_user (id) on delete restrict,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (inventory_item_id, laboratory_id, lot_number),
  check (opened_on >= received_on)
);
create index inventory_lot_laboratory_idx on inventory_lot (laboratory_id);
create index inventory_lot_location_idx on inventory_lot (storage_location_id) where storage_location_id is not null;
create index inventory_lot_expiry_idx on inventory_lot (expires_on) where status in ('QUARANTINE', 'RELEASED', 'IN_USE');
comment on table inventory_lot is 'A lot of an item at one laboratory; it is used only after its release.';
create trigger set_updated_at before update on inventory_lot for each row execute function set_updated_at();

create table stock_movement (
  id bigint generated always as identity primary key,
  inventory_lot_id bigint not null references inventory_lot (id) on delete restrict,
  kind text not null check (kind in ('RECEIPT', 'CONSUMPTION', 'ADJUSTMENT', 'TRANSFER_IN', 'TRANSFER_OUT', 'DISPOSAL', 'RETURN')),
  quantity numeric(12, 3) not null check (quantity <> 0),
  note text,
  moved_by bigint references app_user (id) on delete restrict,
  moved_at timestamptz not null default now(),
  check (kind = 'ADJUSTMENT' or (quantity > 0) = (kind in ('RECEIPT', 'TRANSFER_IN')))
);
create index stock_movement_lot_idx on stock_movement (inventory_lot_id, moved_at);
comment on table stock_movement is 'Stock that came (positive) or went (negative). What is on hand is the sum of these; a mistake is corrected by an adjustment.';
create trigger refuse_change before update or delete on stock_movement for each row execute function refuse_change();

create table purchase_order (
  id bigint generated always as identity primary key,
  order_number text not null unique,
  supplier_id bigint not null references supplier (id) on delete restrict,
  laboratory_id bigint not null references laboratory (id) on delete restrict,
  currency_id bigint references currency (id) on delete restrict,
  status text not null default 'DRAFT' check (status in ('DRAFT', 'SUBMITTED', 'APPROVED', 'SENT', 'PARTLY_RECEIVED', 'RECEIVED', 'CANCELLED')),
  ordered_on date,
  expected_on date,
  requested_by bigint references app_user (id) on delete restrict,
  approved_by bigint references app_user (id) on delete restrict,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index purchase_order_supplier_idx on purchase_order (supplier_id);
create index purchase_order_laboratory_idx on purchase_order (laboratory_id, status);
comment on table purchase_order is 'An order to a supplier.';
create trigger set_updated_at before update on purchase_order for each row execute function set_updated_at();

create table purchase_order_line (
  id bigint generated always as identity primary key,
  purchase_order_id bigint not null references purchase_order (id) on delete cascade,
  line_number smallint not null check (line_number > 0),
  inventory_item_id bigint not null references inventory_item (id) on delete restrict,
  quantity numeric(12, 3) not null check (quantity > 0),
  received_quantity numeric(12, 3) not null default 0 check (received_quantity >= 0),
  unit_price numeric(14, 4) check (unit_price >= 0),
  unique (purchase_order_id, line_number)
);
create index purchase_order_line_item_idx on purchase_order_line (inventory_item_id);
comment on table purchase_order_line is 'So many packs of one item, and how many of them have come.';
