insert into role (code, name, description, is_builtin) values
  ('OWNER', 'Owner', 'Everything, including who else may do what', true),
  ('LAB_MANAGER', 'Laboratory manager', 'Runs a laboratory: staff, catalogue, prices, quality', true),
  ('PATHOLOGIST', 'Pathologist', 'Verifies, interprets and publishes results', true),
  ('SENIOR_SCIENTIST', 'Senior scientist', 'Verifies results and reviews quality control', true),
  ('ANALYST', 'Analyst', 'Works on samples and enters results', true),
  ('MICROBIOLOGIST', 'Microbiologist', 'Reads cultures and susceptibility tests', true),
  ('PHLEBOTOMIST', 'Phlebotomist', 'Collects samples', true),
  ('RECEPTIONIST', 'Receptionist', 'Registers patients, requests and samples', true),
  ('COURIER', 'Courier', 'Moves samples and keeps the chain of custody', true),
  ('QUALITY_MANAGER', 'Quality manager', 'Controls documents, quality control and calibration', true),
  ('INVENTORY_MANAGER', 'Inventory manager', 'Orders, receives and releases stock', true),
  ('BILLING_CLERK', 'Billing clerk', 'Issues invoices and records payments', true),
  ('CLIENT_USER', 'Client user', 'Orders and reads reports of one client', true),
  ('AUDITOR', 'Auditor', 'Reads everything, changes nothing', true),
  ('SYSTEM_INTERFACE', 'System interface', 'An analyser or another system', true)
on conflict (code) do nothing;

insert into permission (code, description) values
  ('organization:manage', 'Change the organization and its laboratories'),
  ('user:read', 'See users and their roles'), ('user:manage', 'Invite, change and deactivate users, grant roles'),
  ('client:read', 'See clients'), ('client:manage', 'Create and change clients and their contacts'),
  ('patient:read', 'See patients'), ('patient:manage', 'Create and change patients'), ('patient:merge', 'Merge duplicate patients'),
  ('request:read', 'See analysis requests'), ('request:create', 'Create analysis requests'), ('request:cancel', 'Cancel analysis requests'),
  ('sample:read', 'See samples'), ('sample:register', 'Register samples'), ('sample:receive', 'Receive samples'),
  ('sample:reject', 'Reject samples'), ('sample:derive', 'Make aliquots and derivatives'), ('sample:store', 'Store and retrieve samples'),
  ('sample:dispose', 'Dispose of samples'), ('custody:record', 'Record the chain of custody'),
  ('worksheet:manage', 'Create and change worksheets'), ('result:read', 'See results'), ('result:enter', 'Enter results'),
  ('result:verify', 'Verify results'), ('result:amend', 'Correct verified results'), ('report:read', 'See reports'), ('report:publish', 'Publish reports'),
  ('catalogue:manage', 'Change analyses, methods, profiles and specifications'), ('reflex:manage', 'Change reflex rules'),
  ('qc:read', 'See quality control'), ('qc:enter', 'Enter control results'), ('qc:review', 'Resolve violations and change targets'),
  ('instrument:read', 'See instruments'), ('instrument:manage', 'Change instruments, calibrate and maintain them'),
  ('microbiology:read', 'See cultures, isolates and susceptibility'), ('microbiology:enter', 'Read cultures, identify isolates, enter susceptibility'),
  ('microbiology:verify', 'Verify susceptibility and override interpretations'),
  ('inventory:read', 'See stock'), ('inventory:manage', 'Receive, release and correct stock'), ('purchase:approve', 'Approve purchase orders'),
  ('price:manage', 'Change price lists'), ('invoice:read', 'See invoices'), ('invoice:issue', 'Issue invoices and credit notes'), ('payment:record', 'Record payments'),
  ('document:read', 'Read controlled documents'), ('document:manage', 'Write new versions of documents'), ('document:approve', 'Approve documents'),
  ('message:send', 'Write messages'), ('audit:read', 'Read the audit trail')
on conflict (code) do nothing;

insert into role_permission (role_id, permission_id)
select r.id, p.id from role r cross join permission p where r.code = 'OWNER'
on conflict do nothing;

insert into role_permission (role_id, permission_id)
select r.id, p.id from role r join permission p on p.code like '%:read' where r.code = 'AUDITOR'
on conflict do nothing;

insert into role_permission (role_id, permission_id)
select r.id, p.id
from (values
  ('LAB_MANAGER', '{user:read,user:manage,client:read,client:manage,patient:read,patient:manage,patient:merge,request:read,request:create,request:cancel,sample:read,sample:register,sample:receive,sample:reject,sample:derive,sample:store,sample:dispose,worksheet:manage,result:read,result:verify,result:amend,report:read,report:publish,catalogue:manage,reflex:manage,qc:read,qc:review,instrument:read,instrument:manage,microbiology:read,inventory:read,inventory:manage,purchase:approve,price:manage,invoice:read,document:read,document:approve,message:send,audit:read}'::text[]),
  ('PATHOLOGIST', '{client:read,patient:read,request:read,request:create,request:cancel,sample:read,sample:reject,result:read,result:enter,result:verify,result:amend,report:read,report:publish,qc:read,microbiology:read,microbiology:verify,document:read,message:send}'),
  ('SENIOR_SCIENTIST', '{client:read,patient:read,request:read,sample:read,sample:receive,sample:reject,sample:derive,sample:store,worksheet:manage,result:read,result:enter,result:verify,result:amend,report:read,qc:read,qc:enter,qc:review,instrument:read,instrument:manage,inventory:read,document:read,document:manage,message:send}'),
  ('ANALYST', '{patient:read,request:read,sample:read,sample:receive,sample:reject,sample:derive,sample:store,worksheet:manage,result:read,result:enter,qc:read,qc:enter,instrument:read,inventory:read,document:read,message:send}'),
  ('MICROBIOLOGIST', '{patient:read,request:read,sample:read,sample:receive,sample:reject,sample:store,worksheet:manage,result:read,result:enter,result:verify,microbiology:read,microbiology:enter,microbiology:verify,qc:read,qc:enter,instrument:read,inventory:read,document:read,message:send}'),
  ('PHLEBOTOMIST', '{patient:read,request:read,sample:read,sample:register,custody:record,document:read,message:send}'),
  ('RECEPTIONIST', '{client:read,patient:read,patient:manage,request:read,request:create,sample:read,sample:register,sample:receive,sample:reject,report:read,document:read,message:send}'),
  ('COURIER', '{sample:read,custody:record,document:read}'),
  ('QUALITY_MANAGER', '{user:read,sample:read,result:read,qc:read,qc:review,instrument:read,inventory:read,document:read,document:manage,document:approve,message:send,audit:read}'),
  ('INVENTORY_MANAGER', '{inventory:read,inventory:manage,purchase:approve,instrument:read,document:read,message:send}'),
  ('BILLING_CLERK', '{client:read,patient:read,request:read,price:manage,invoice:read,invoice:issue,payment:record,document:read,message:send}'),
  ('CLIENT_USER', '{request:read,request:create,sample:read,report:read,message:send}'),
  ('SYSTEM_INTERFACE', '{request:read,request:create,sample:read,sample:receive,result:enter,qc:enter}')
) as v (role_code, permission_codes)
join role r on r.code = v.role_code
join permission p on p.code = any (v.permission_codes)
on conflict do nothing;
