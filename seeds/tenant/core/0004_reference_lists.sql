insert into priority (code, name, rank, turnaround_minutes, color, is_default) values
  ('STAT', 'Life-threatening', 1, 60, '#b91c1c', false),
  ('URGENT', 'Urgent', 2, 240, '#ea580c', false),
  ('SAME_DAY', 'Same day', 3, 720, '#ca8a04', false),
  ('ROUTINE', 'Routine', 4, 1440, '#2563eb', true),
  ('TIMED', 'Timed collection', 5, 1440, '#7c3aed', false),
  ('BATCH', 'Batch or research', 6, 10080, '#6b7280', false)
on conflict do nothing;

insert into numbering_sequence (code, name, prefix, padding, period, is_per_laboratory) values
  ('REQUEST', 'Analysis requests', 'R', 7, 'YEAR', false),
  ('SAMPLE', 'Samples', 'S', 8, 'YEAR', false),
  ('PATIENT', 'Patients', 'P', 8, 'NONE', false),
  ('WORKSHEET', 'Worksheets', 'W', 5, 'DAY', true),
  ('REPORT', 'Reports', 'REP', 7, 'YEAR', false),
  ('INVOICE', 'Invoices', 'INV', 6, 'YEAR', false),
  ('CREDIT_NOTE', 'Credit notes', 'CN', 6, 'YEAR', false),
  ('PAYMENT', 'Payments', 'PAY', 6, 'YEAR', false),
  ('PURCHASE_ORDER', 'Purchase orders', 'PO', 5, 'YEAR', false),
  ('CLIENT', 'Clients', 'C', 5, 'NONE', false)
on conflict (code) do nothing;

insert into identifier_type (code, name) values
  ('MR', 'Medical record number'), ('NI', 'National person identifier'), ('SS', 'Social security number'),
  ('PPN', 'Passport number'), ('DL', 'Driver''s licence number'), ('MB', 'Insurance member number'),
  ('PI', 'Patient internal identifier'), ('PT', 'Patient external identifier'), ('VN', 'Visit number'),
  ('BC', 'Bank card number'), ('BR', 'Birth registry number'), ('MC', 'Medicare number'), ('MA', 'Medicaid number'),
  ('ANON', 'Anonymous identifier'), ('RI', 'Research subject identifier'), ('MCN', 'Microchip number')
on conflict (code) do nothing;

insert into rejection_reason (code, name, category, requires_recollection) values
  ('UNLABELLED', 'Unlabelled container', 'IDENTIFICATION', true),
  ('MISLABELLED', 'Label and request do not match', 'IDENTIFICATION', true),
  ('TWO_IDENTIFIERS', 'Fewer than two patient identifiers', 'IDENTIFICATION', true),
  ('WBIT', 'Wrong blood in tube', 'IDENTIFICATION', true),
  ('ILLEGIBLE', 'Illegible label', 'IDENTIFICATION', true),
  ('HAEMOLYSED', 'Haemolysed', 'QUALITY', true),
  ('LIPAEMIC', 'Lipaemic', 'QUALITY', true),
  ('ICTERIC', 'Icteric', 'QUALITY', false),
  ('CLOTTED', 'Clotted anticoagulated sample', 'QUALITY', true),
  ('CONTAMINATED', 'Contaminated', 'QUALITY', true),
  ('IV_CONTAMINATION', 'Contaminated with infusion fluid', 'QUALITY', true),
  ('DRIED_OUT', 'Dried out', 'QUALITY', true),
  ('INSUFFICIENT', 'Quantity not sufficient', 'QUANTITY', true),
  ('UNDERFILLED', 'Wrong blood to anticoagulant ratio', 'QUANTITY', true),
  ('EMPTY', 'Empty container', 'QUANTITY', true),
  ('WRONG_CONTAINER', 'Wrong container or additive', 'COLLECTION', true),
  ('WRONG_TYPE', 'Wrong specimen type', 'COLLECTION', true),
  ('WRONG_TIME', 'Collected at the wrong time', 'COLLECTION', true),
  ('NOT_FASTING', 'Patient not fasting', 'COLLECTION', true),
  ('INCOMPLETE_24H', 'Incomplete timed collection', 'COLLECTION', true),
  ('EXPIRED_CONTAINER', 'Expired container', 'COLLECTION', true),
  ('LEAKED', 'Leaked in transport', 'TRANSPORT', true),
  ('BROKEN', 'Broken container', 'TRANSPORT', true),
  ('TEMPERATURE', 'Outside the temperature range', 'TRANSPORT', true),
  ('TOO_OLD', 'Too old when received', 'TRANSPORT', true),
  ('NOT_PROTECTED', 'Not protected from light', 'TRANSPORT', true),
  ('NOT_ANAEROBIC', 'Not transported anaerobically', 'TRANSPORT', true),
  ('NOT_RECEIVED', 'Not received', 'TRANSPORT', true),
  ('SEAL_BROKEN', 'Custody seal broken', 'TRANSPORT', true),
  ('NO_REQUEST', 'No request received', 'REQUEST', false),
  ('DUPLICATE', 'Duplicate of another sample', 'REQUEST', false),
  ('NOT_INDICATED', 'Minimum retest interval not reached', 'REQUEST', false)
on conflict (code) do nothing;

insert into instrument_type (code, name, description) values
  ('CHEMISTRY', 'Chemistry analyser', 'Photometry and ion-selective electrodes'),
  ('IMMUNOASSAY', 'Immunoassay analyser', 'Chemiluminescence and similar'),
  ('HAEMATOLOGY', 'Haematology analyser', 'Cell counting and differential'),
  ('COAGULATION', 'Coagulation analyser', 'Clotting, chromogenic and immunological methods'),
  ('BLOOD_GAS', 'Blood gas analyser', 'pH, gases, electrolytes and lactate'),
  ('URINE_STRIP', 'Urine strip reader', 'Test strip reflectance'),
  ('URINE_SEDIMENT', 'Urine sediment analyser', 'Image-based particle counting'),
  ('HPLC', 'HPLC system', 'Liquid chromatography'), ('LCMS', 'LC-MS/MS system', 'Tandem mass spectrometry'),
  ('GCMS', 'GC-MS system', 'Gas chromatography with mass spectrometry'), ('ICPMS', 'ICP-MS system', 'Trace elements'),
  ('ELECTROPHORESIS', 'Electrophoresis system', 'Gel and capillary electrophoresis'),
  ('ELISA', 'ELISA reader', 'Microplate photometry'), ('FLOW_CYTOMETER', 'Flow cytometer', 'Cell phenotyping'),
  ('PCR', 'Real-time PCR system', 'Amplification and detection'), ('EXTRACTION', 'Nucleic acid extractor', 'Automated extraction'),
  ('SEQUENCER', 'Sequencer', 'DNA and RNA sequencing'), ('MALDI_TOF', 'MALDI-TOF mass spectrometer', 'Identification of microorganisms'),
  ('AST_SYSTEM', 'Susceptibility test system', 'Automated MIC determination'), ('BLOOD_CULTURE', 'Blood culture cabinet', 'Incubation and growth detection'),
  ('MYCO_CULTURE', 'Mycobacteria culture system', 'Liquid culture of mycobacteria'), ('INCUBATOR', 'Incubator', 'Temperature-controlled incubation'),
  ('CENTRIFUGE', 'Centrifuge', 'Separation'), ('MICROSCOPE', 'Microscope', 'Light and fluorescence microscopy'),
  ('BALANCE', 'Balance', 'Weighing'), ('PIPETTE', 'Pipette', 'Volume delivery'), ('AUTOCLAVE', 'Autoclave', 'Sterilisation'),
  ('SAFETY_CABINET', 'Biological safety cabinet', 'Protection of staff and sample'), ('REFRIGERATOR', 'Refrigerator', 'Storage at 2 to 8 °C'),
  ('FREEZER', 'Freezer', 'Frozen storage'), ('POCT', 'Point-of-care device', 'Testing at the bedside'), ('ESR', 'ESR analyser', 'Erythrocyte sedimentation')
on conflict (code) do nothing;

insert into document_type (code, name, is_controlled, review_months) values
  ('POLICY', 'Quality policy', true, 24), ('MANUAL', 'Quality manual', true, 24), ('SOP', 'Standard operating procedure', true, 24),
  ('WORK_INSTRUCTION', 'Work instruction', true, 24), ('FORM', 'Form', true, 36), ('METHOD_VALIDATION', 'Method validation', true, null),
  ('RISK_ASSESSMENT', 'Risk assessment', true, 12), ('TRAINING', 'Training record', false, null), ('CERTIFICATE', 'Certificate', false, null),
  ('CALIBRATION_CERT', 'Calibration certificate', false, null), ('SDS', 'Safety data sheet', true, 36), ('IFU', 'Instructions for use', true, 36),
  ('CONTRACT', 'Contract', false, null), ('AUDIT_REPORT', 'Audit report', false, null), ('EQA_REPORT', 'External quality assessment report', false, null)
on conflict (code) do nothing;

insert into payer_type (code, name, requires_claim) values
  ('SELF_PAY', 'Self-pay', false), ('PRIVATE_INSURANCE', 'Private health insurance', true), ('STATUTORY_INSURANCE', 'Statutory health insurance', true),
  ('MEDICARE', 'Medicare', true), ('MEDICAID', 'Medicaid', true), ('NATIONAL_HEALTH', 'National health service', false),
  ('WORKERS_COMP', 'Workers'' compensation', true), ('EMPLOYER', 'Employer', false), ('MILITARY', 'Military or veterans'' programme', true),
  ('CLIENT_BILL', 'Billed to the client', false), ('RESEARCH', 'Research grant', false), ('CHARITY', 'Charity care', false)
on conflict (code) do nothing;

insert into westgard_rule (code, name, description, severity, error_type, window_size, required_count, sd_limit, is_same_side, is_across_levels) values
  ('1_2s', '1:2s', 'One point beyond 2 SD: a warning to look at the other rules', 'WARNING', 'EITHER', 1, 1, 2.0, false, false),
  ('1_3s', '1:3s', 'One point beyond 3 SD', 'REJECTION', 'RANDOM', 1, 1, 3.0, false, false),
  ('2_2s', '2:2s', 'Two consecutive points beyond 2 SD on the same side', 'REJECTION', 'SYSTEMATIC', 2, 2, 2.0, true, false),
  ('2_2s_across', '2:2s across levels', 'Two levels of one run beyond 2 SD on the same side', 'REJECTION', 'SYSTEMATIC', 2, 2, 2.0, true, true),
  ('R_4s', 'R:4s', 'Two levels of one run more than 4 SD apart', 'REJECTION', 'RANDOM', 2, 2, 4.0, false, true),
  ('4_1s', '4:1s', 'Four consecutive points beyond 1 SD on the same side', 'REJECTION', 'SYSTEMATIC', 4, 4, 1.0, true, false),
  ('3_1s', '3:1s', 'Three consecutive points beyond 1 SD on the same side', 'WARNING', 'SYSTEMATIC', 3, 3, 1.0, true, false),
  ('2of3_2s', '2 of 3:2s', 'Two of three points beyond 2 SD on the same side', 'REJECTION', 'SYSTEMATIC', 3, 2, 2.0, true, true),
  ('6_x', '6:x', 'Six consecutive points on the same side of the mean', 'REJECTION', 'SYSTEMATIC', 6, 6, 0.0, true, false),
  ('8_x', '8:x', 'Eight consecutive points on the same side of the mean', 'REJECTION', 'SYSTEMATIC', 8, 8, 0.0, true, false),
  ('10_x', '10:x', 'Ten consecutive points on the same side of the mean', 'REJECTION', 'SYSTEMATIC', 10, 10, 0.0, true, false),
  ('12_x', '12:x', 'Twelve consecutive points on the same side of the mean', 'REJECTION', 'SYSTEMATIC', 12, 12, 0.0, true, false),
  ('7_T', '7:T', 'Seven consecutive points rising or falling', 'WARNING', 'SYSTEMATIC', 7, 7, null, true, false)
on conflict (code) do nothing;

insert into notification_template (code, channel, language, subject, body) values
  ('REPORT_PUBLISHED', 'EMAIL', 'en', 'Report {{report_number}} is ready', 'The report {{report_number}} for request {{request_number}} is ready. Sign in to read it: {{link}}'),
  ('REPORT_PUBLISHED', 'IN_APP', 'en', null, 'Report {{report_number}} is ready.'),
  ('REPORT_CORRECTED', 'EMAIL', 'en', 'Corrected report {{report_number}}', 'Report {{report_number}} replaces an earlier version. Please discard the former one: {{link}}'),
  ('CRITICAL_RESULT', 'SMS', 'en', null, 'Critical result for request {{request_number}}. Please call {{laboratory_phone}} now.'),
  ('CRITICAL_RESULT', 'EMAIL', 'en', 'Critical result: request {{request_number}}', 'Request {{request_number}} has a critical result. Please call {{laboratory_phone}} and read it back.'),
  ('CRITICAL_RESULT', 'IN_APP', 'en', null, 'Critical {{analysis_name}} on sample {{sample_number}} has not been called yet.'),
  ('SAMPLE_REJECTED', 'EMAIL', 'en', 'Sample {{sample_number}} was rejected', 'Sample {{sample_number}} of request {{request_number}} was rejected: {{reason}}. A new sample is needed.'),
  ('SAMPLE_RECEIVED', 'EMAIL', 'en', 'Sample {{sample_number}} received', 'Sample {{sample_number}} of request {{request_number}} was received at {{received_at}}.'),
  ('RESULT_OVERDUE', 'IN_APP', 'en', null, '{{analysis_name}} on sample {{sample_number}} is overdue since {{due_at}}.'),
  ('QC_REJECTED', 'IN_APP', 'en', null, 'Control {{material}} for {{analysis_name}} on {{instrument}} broke {{rule}}.'),
  ('QC_REJECTED', 'EMAIL', 'en', 'Quality control rejected: {{analysis_name}}', 'Control {{material}} for {{analysis_name}} on {{instrument}} broke {{rule}}. Results are held until it is resolved.'),
  ('CALIBRATION_DUE', 'EMAIL', 'en', 'Calibration due: {{instrument}}', 'The calibration of {{instrument}} is due on {{due_on}}.'),
  ('STOCK_LOW', 'EMAIL', 'en', 'Stock is low: {{item_name}}', '{{quantity}} of {{item_name}} are left; the reorder level is {{reorder_level}}.'),
  ('LOT_EXPIRING', 'EMAIL', 'en', 'Lot {{lot_number}} expires on {{expires_on}}', 'Lot {{lot_number}} of {{item_name}} expires on {{expires_on}}.'),
  ('TEMPERATURE_ALARM', 'SMS', 'en', null, '{{location}} is at {{celsius}} °C, outside its range.'),
  ('INVOICE_ISSUED', 'EMAIL', 'en', 'Invoice {{invoice_number}}', 'Invoice {{invoice_number}} over {{total_amount}} {{currency}} is due on {{due_on}}.'),
  ('INVOICE_OVERDUE', 'EMAIL', 'en', 'Reminder: invoice {{invoice_number}}', 'Invoice {{invoice_number}} was due on {{due_on}}; {{open_amount}} {{currency}} are open.'),
  ('DOCUMENT_REVIEW', 'EMAIL', 'en', 'Review due: {{document_title}}', 'The document {{document_code}} {{document_title}} is due for review on {{due_on}}.'),
  ('RESISTANCE_ALERT', 'EMAIL', 'en', '{{mechanism}} isolated from sample {{sample_number}}', '{{organism}} with {{mechanism}} was isolated from sample {{sample_number}}. Please inform infection control.'),
  ('MESSAGE_RECEIVED', 'EMAIL', 'en', 'New message: {{subject}}', '{{author}} wrote: {{body}}')
on conflict (code, channel, language) do nothing;
