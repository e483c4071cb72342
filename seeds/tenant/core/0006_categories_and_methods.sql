insert into analysis_category (code, name, sort_order) values
  ('HAEM', 'Haematology', 10), ('COAG', 'Coagulation', 20), ('TRANSFUSION', 'Blood bank', 30), ('CHEM', 'Clinical chemistry', 40),
  ('GAS', 'Blood gases', 50), ('LIPID', 'Lipids', 60), ('CARDIAC', 'Cardiac markers', 70), ('PROTEIN', 'Specific proteins', 80),
  ('NUTRITION', 'Vitamins, iron and trace elements', 90), ('ENDO', 'Endocrinology', 100), ('TUMOUR', 'Tumour markers', 110),
  ('TDM', 'Therapeutic drug monitoring', 120), ('TOX', 'Toxicology', 130), ('URINE', 'Urinalysis', 140), ('URCHEM', 'Urine chemistry', 150),
  ('SEROLOGY', 'Infectious serology', 160), ('AUTOIMMUNE', 'Autoimmunity', 170), ('MOLECULAR', 'Molecular diagnostics', 180),
  ('MICRO', 'Microbiology', 190), ('PARASITOLOGY', 'Parasitology', 200), ('FLUID', 'Body fluids', 210), ('STOOL', 'Stool', 220)
on conflict (code) do nothing;

insert into method (code, name, principle, is_manual) values
  ('ISE_INDIRECT', 'Ion-selective electrode, indirect', 'Potentiometry', false), ('ISE_DIRECT', 'Ion-selective electrode, direct', 'Potentiometry', false),
  ('HEXOKINASE', 'Hexokinase', 'Enzymatic UV photometry', false), ('UREASE_GLDH', 'Urease and GLDH', 'Enzymatic UV photometry', false),
  ('CREA_ENZ', 'Creatinine, enzymatic', 'Enzymatic photometry, traceable to IDMS', false), ('CREA_JAFFE', 'Creatinine, compensated Jaffe', 'Alkaline picrate, kinetic', false),
  ('IFCC_ENZYME', 'IFCC enzyme activity at 37 °C', 'Kinetic photometry', false), ('DIAZO', 'Diazo', 'Photometry', false), ('BIURET', 'Biuret', 'Photometry', false),
  ('BCG', 'Bromocresol green', 'Photometry', false), ('BCP', 'Bromocresol purple', 'Photometry', false), ('PHOTOMETRY', 'Photometry', 'End point photometry', false),
  ('ENZ_COLOR', 'Enzymatic colorimetry', 'Photometry', false), ('HOMOGENEOUS', 'Homogeneous direct', 'Enzymatic photometry', false),
  ('IMMUNOTURB', 'Immunoturbidimetry', 'Turbidimetry', false), ('NEPHELOMETRY', 'Nephelometry', 'Light scatter', false),
  ('CLIA_SANDWICH', 'Chemiluminescence immunoassay', 'Immunoassay', false), ('ECLIA', 'Electrochemiluminescence immunoassay', 'Immunoassay', false),
  ('CMIA', 'Chemiluminescent microparticle immunoassay', 'Immunoassay', false), ('ELISA', 'ELISA', 'Immunoassay', false), ('IIF', 'Indirect immunofluorescence', 'Fluorescence microscopy', true),
  ('LATERAL_FLOW', 'Lateral flow', 'Immunochromatography', true), ('FLOCCULATION', 'Flocculation', 'Agglutination', true), ('COLUMN_AGGL', 'Column agglutination', 'Haemagglutination', false),
  ('IMPEDANCE', 'Impedance', 'Electrical resistance counting', false), ('FLOW_CYTOMETRY', 'Flow cytometry', 'Light scatter and fluorescence', false),
  ('SLS_HB', 'SLS haemoglobin', 'Cyanide-free photometry', false), ('WESTERGREN', 'Westergren', 'Sedimentation', true), ('MICROSCOPY', 'Microscopy', 'Light microscopy', true),
  ('CLOT_OPTICAL', 'Clot detection, optical', 'Coagulometry', false), ('CLOT_MECHANICAL', 'Clot detection, mechanical', 'Coagulometry', false), ('CLAUSS', 'Clauss', 'Coagulometry', false), ('CHROMOGENIC', 'Chromogenic', 'Photometry', false),
  ('HPLC', 'High-performance liquid chromatography', 'Chromatography', false), ('CAP_ELECTRO', 'Capillary electrophoresis', 'Electrophoresis', false),
  ('LCMSMS', 'LC-MS/MS', 'Tandem mass spectrometry', false), ('ICPMS', 'ICP-MS', 'Mass spectrometry', false), ('AAS', 'Atomic absorption', 'Spectrometry', false),
  ('STRIP', 'Test strip', 'Reflectance photometry', false), ('OSMOMETRY', 'Freezing point depression', 'Osmometry', false), ('AMPEROMETRY', 'Amperometry', 'Electrochemistry', false), ('POTENTIOMETRY', 'Potentiometry', 'Electrochemistry', false),
  ('RT_PCR', 'Real-time PCR', 'Nucleic acid amplification', false), ('TMA', 'Transcription-mediated amplification', 'Nucleic acid amplification', false), ('NGS', 'Next-generation sequencing', 'Sequencing', false),
  ('CULTURE', 'Culture', 'Growth on media', true), ('BC_AUTOMATED', 'Automated blood culture', 'CO2 detection', false), ('GRAM', 'Gram stain', 'Microscopy', true), ('ZIEHL_NEELSEN', 'Ziehl-Neelsen stain', 'Microscopy', true), ('AURAMINE', 'Auramine stain', 'Fluorescence microscopy', true),
  ('MALDI_TOF', 'MALDI-TOF', 'Mass spectrometry', false), ('BIOCHEM_ID', 'Biochemical identification', 'Substrate use', false), ('BMD', 'Broth microdilution', 'Susceptibility testing', false), ('DISK_DIFFUSION', 'Disc diffusion', 'Susceptibility testing', true), ('GRADIENT', 'Gradient strip', 'Susceptibility testing', true),
  ('CALCULATED', 'Calculated', 'Formula', false), ('CONCENTRATION', 'Formol-ether concentration', 'Microscopy', true)
on conflict (code) do nothing;
