import type { z } from "zod";
import { describedEnum } from "../kernel/described.ts";
// A target is a table whose rows keep what they meant: `metadata_snapshot` holds the names and codes
// of the rows that they refer to, null for a reference that is empty, and `snapshot_at` tells since when.

export const SnapshotTargetName = describedEnum(
  "SnapshotTarget",
  "Whose metadata snapshots are taken.",
  {
    PATIENT: "Of patients.",
    ANALYSIS_REQUEST: "Of analysis requests.",
    SAMPLE: "Of samples.",
    ANALYSIS_RESULT: "Of the results of analyses.",
  },
);
export type SnapshotTargetName = z.infer<typeof SnapshotTargetName>;
export const SNAPSHOT_TARGETS = SnapshotTargetName.options;

/** How one table's snapshots are taken; in its SQL the row is called `t`. */
export interface SnapshotTarget {
  readonly name: SnapshotTargetName;
  readonly table: string;
  /** Which rows belong to a sample in state RECEIVED. */
  readonly received: string;
  /** What a snapshot says: each key with the jsonb that stands there. */
  readonly snapshot: Readonly<Record<string, string>>;
}

/** Some columns of the row that `column` refers to; null where it refers to none. */
const one = (table: string, column: string, fields: readonly string[], more = ""): string =>
  `(select jsonb_build_object(${fields.map((field) => `'${field}', r.${field}`).join(", ")}${more})
    from ${table} r where r.id = t.${column})`;

const NAMED = ["code", "name"];
const PERSON = ["patient_number", "family_name", "given_name", "birth_date", "sex", "species"];

const client = one("client", "client_id", NAMED);
const patient = one("patient", "patient_id", PERSON);
const laboratory = one("laboratory", "laboratory_id", NAMED);
const practitioner = (column: string) =>
  one("practitioner", column, ["code", "full_name", "national_provider_number"]);

/** The range that a result was judged by, with the version of its specification. */
const range = one(
  "specification_range",
  "specification_range_id",
  [
    ...["sex", "age_min_days", "age_max_days", "condition", "low", "high"],
    ...["critical_low", "critical_high", "text_normal"],
  ],
  `, 'specification', (select jsonb_build_object('code', s.code, 'version', s.version, 'name', s.name)
      from specification s where s.id = r.specification_id),
    'unit', (select jsonb_build_object('code', u.code, 'display', u.display)
      from unit u where u.id = r.unit_id)`,
);

export const PATIENT: SnapshotTarget = {
  name: "PATIENT",
  table: "patient",
  received: "exists (select from sample s where s.patient_id = t.id and s.state = 'RECEIVED')",
  snapshot: {
    client,
    practitioner: practitioner("primary_practitioner_id"),
    identifiers: `(select coalesce(jsonb_agg(jsonb_build_object('type', k.code, 'type_name', k.name,
        'value', i.value, 'issuer', i.issuer) order by k.code, i.issuer, i.value), '[]')
      from patient_identifier i join identifier_type k on k.id = i.identifier_type_id
      where i.patient_id = t.id)`,
  },
};

export const ANALYSIS_REQUEST: SnapshotTarget = {
  name: "ANALYSIS_REQUEST",
  table: "analysis_request",
  received:
    "exists (select from sample s where s.analysis_request_id = t.id and s.state = 'RECEIVED')",
  snapshot: {
    client,
    patient,
    practitioner: practitioner("practitioner_id"),
    laboratory,
    priority: one("priority", "priority_id", [...NAMED, "turnaround_minutes"]),
    template: one("request_template", "request_template_id", NAMED),
    specification: one("specification", "specification_id", [...NAMED, "version"]),
  },
};

export const SAMPLE: SnapshotTarget = {
  name: "SAMPLE",
  table: "sample",
  received: "t.state = 'RECEIVED'",
  snapshot: {
    sample_type: one("sample_type", "sample_type_id", [...NAMED, "snomed_code"]),
    container_type: one("container_type", "container_type_id", NAMED),
    preservation: one("preservation", "preservation_id", NAMED),
    client,
    patient,
    laboratory,
    analysis_request: one("analysis_request", "analysis_request_id", ["request_number"]),
  },
};

export const ANALYSIS_RESULT: SnapshotTarget = {
  name: "ANALYSIS_RESULT",
  table: "analysis_result",
  received: "exists (select from sample s where s.id = t.sample_id and s.state = 'RECEIVED')",
  snapshot: {
    analysis: one("analysis", "analysis_id", [...NAMED, "loinc_code"]),
    method: one("method", "method_id", [...NAMED, "version"]),
    unit: one("unit", "unit_id", ["code", "display", "name"]),
    instrument: one("instrument", "instrument_id", [...NAMED, "serial_number"]),
    specification_range: range,
    result_option: one("analysis_result_option", "result_option_id", ["code", "display"]),
    sample: one("sample", "sample_id", ["sample_number"]),
  },
};
