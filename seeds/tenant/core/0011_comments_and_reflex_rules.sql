insert into coded_comment (code, body, category_id, is_internal)
select v.code, v.body, c.id, v.is_internal
from (values
  ('HAEMOLYSED', 'Sample haemolysed: potassium, LDH and AST may be falsely high.', 'CHEM', false),
  ('LIPAEMIC', 'Sample lipaemic: photometric results may be affected.', 'CHEM', false),
  ('ICTERIC', 'Sample icteric: creatinine may be affected.', 'CHEM', false),
  ('DELAYED_SEPARATION', 'Separation was delayed: glucose may be falsely low, potassium falsely high.', 'CHEM', false),
  ('LDL_TRIG', 'LDL cholesterol cannot be calculated with triglycerides above 400 mg/dL; direct LDL follows.', 'LIPID', false),
  ('PLT_CLUMPS', 'Platelet clumps: the count is a minimum. Please send a citrate sample.', 'HAEM', false),
  ('FILM_REVIEWED', 'Blood film reviewed.', 'HAEM', false),
  ('COLD_AGGL', 'Cold agglutination: sample warmed to 37 °C before the count.', 'HAEM', false),
  ('UNDERFILLED_CIT', 'Citrate tube underfilled: clotting times may be falsely long.', 'COAG', false),
  ('HEPARIN', 'Prolonged thrombin time: contamination with heparin is possible.', 'COAG', false),
  ('MIXED_GROWTH', 'Mixed growth of three or more organisms suggests contamination. Please repeat if indicated.', 'MICRO', false),
  ('NO_GROWTH_48', 'No growth after 48 hours of incubation.', 'MICRO', false),
  ('PROBABLE_CONTAMINANT', 'Single bottle positive: probable skin contaminant.', 'MICRO', false),
  ('CONFIRM_REACTIVE', 'Initially reactive: a confirmatory test follows.', 'SEROLOGY', false),
  ('VACCINE_IMMUNITY', 'Isolated anti-HBs: consistent with vaccination.', 'SEROLOGY', false),
  ('SUBCLINICAL_HYPO', 'Raised TSH with normal free T4: consistent with subclinical hypothyroidism.', 'ENDO', false),
  ('TROUGH_TIMING', 'The time since the last dose is not known: interpret with care.', 'TDM', false),
  ('REPEATED', 'Result confirmed by repetition.', 'CHEM', false),
  ('DILUTED', 'Measured after dilution.', 'CHEM', true),
  ('QC_CHECKED', 'Control checked and accepted before release.', 'CHEM', true)
) as v (code, body, category_code, is_internal)
join analysis_category c on c.code = v.category_code
on conflict (code) do nothing;

insert into reflex_rule (code, name, match) values
  ('TSH_FT4', 'TSH out of range adds free T4', 'ALL'),
  ('LDL_DIRECT', 'Triglycerides above 400 mg/dL add direct LDL', 'ALL'),
  ('HCV_RNA', 'Reactive anti-HCV adds HCV RNA', 'ALL'),
  ('HBSAG_MARKERS', 'Reactive HBsAg adds HBeAg and HBV DNA', 'ALL'),
  ('SYPHILIS_RPR', 'Reactive treponemal antibodies add RPR', 'ALL'),
  ('UA_CULTURE', 'Nitrite or leukocyte esterase adds a urine culture', 'ANY'),
  ('PSA_FREE', 'PSA between 4 and 10 ng/mL adds free PSA', 'ALL'),
  ('LOW_PLT_FILM', 'Platelets below 100 add a blood film', 'ALL'),
  ('ANA_TITRE', 'Positive ANA adds its titre and anti-dsDNA', 'ALL'),
  ('LOW_HGB_IRON', 'Haemoglobin below 10 with low MCV adds ferritin', 'ALL')
on conflict (code) do nothing;

insert into reflex_rule_condition (reflex_rule_id, position, analysis_id, operator, value_numeric, value_numeric_to, value_options)
select r.id, v.position, a.id, v.operator, v.value_numeric, v.value_numeric_to, v.value_options
from (values
  ('TSH_FT4', 1::smallint, 'TSH', 'ABNORMAL', null::numeric, null::numeric, null::text[]),
  ('LDL_DIRECT', 1, 'TRIG', 'GT', 400, null, null),
  ('HCV_RNA', 1, 'ANTI_HCV', 'IN', null, null, '{R}'),
  ('HBSAG_MARKERS', 1, 'HBSAG', 'IN', null, null, '{R}'),
  ('SYPHILIS_RPR', 1, 'SYPHILIS', 'IN', null, null, '{R,GZ}'),
  ('UA_CULTURE', 1, 'U_NIT', 'IN', null, null, '{POS}'),
  ('UA_CULTURE', 2, 'U_LE', 'IN', null, null, '{1P,2P,3P}'),
  ('PSA_FREE', 1, 'PSA', 'BETWEEN', 4, 10, null),
  ('LOW_PLT_FILM', 1, 'PLT', 'LT', 100, null, null),
  ('ANA_TITRE', 1, 'ANA', 'IN', null, null, '{POS}'),
  ('LOW_HGB_IRON', 1, 'HGB', 'LT', 10, null, null),
  ('LOW_HGB_IRON', 2, 'MCV', 'LT', 80, null, null)
) as v (rule_code, position, analysis_code, operator, value_numeric, value_numeric_to, value_options)
join reflex_rule r on r.code = v.rule_code
join analysis a on a.code = v.analysis_code
on conflict (reflex_rule_id, position) do nothing;

insert into reflex_rule_action (reflex_rule_id, position, kind, analysis_id, coded_comment_id)
select r.id, v.position, v.kind, a.id, c.id
from (values
  ('TSH_FT4', 1::smallint, 'ADD_ANALYSIS', 'FT4', null),
  ('LDL_DIRECT', 1, 'ADD_ANALYSIS', 'LDL_DIRECT', null),
  ('LDL_DIRECT', 2, 'ADD_COMMENT', null, 'LDL_TRIG'),
  ('HCV_RNA', 1, 'ADD_ANALYSIS', 'HCV_RNA', null),
  ('HCV_RNA', 2, 'ADD_COMMENT', null, 'CONFIRM_REACTIVE'),
  ('HBSAG_MARKERS', 1, 'ADD_ANALYSIS', 'HBEAG', null),
  ('HBSAG_MARKERS', 2, 'ADD_ANALYSIS', 'HBV_DNA', null),
  ('SYPHILIS_RPR', 1, 'ADD_ANALYSIS', 'RPR', null),
  ('UA_CULTURE', 1, 'ADD_ANALYSIS', 'CULT_URINE', null),
  ('PSA_FREE', 1, 'ADD_ANALYSIS', 'PSA_FREE', null),
  ('PSA_FREE', 2, 'ADD_ANALYSIS', 'PSA_RATIO', null),
  ('LOW_PLT_FILM', 1, 'ADD_ANALYSIS', 'BLOOD_FILM', null),
  ('ANA_TITRE', 1, 'ADD_ANALYSIS', 'ANA_TITRE', null),
  ('ANA_TITRE', 2, 'ADD_ANALYSIS', 'ANTI_DSDNA', null),
  ('LOW_HGB_IRON', 1, 'ADD_ANALYSIS', 'FERRITIN', null)
) as v (rule_code, position, kind, analysis_code, comment_code)
join reflex_rule r on r.code = v.rule_code
left join analysis a on a.code = v.analysis_code
left join coded_comment c on c.code = v.comment_code
on conflict (reflex_rule_id, position) do nothing;
