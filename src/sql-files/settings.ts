import { constantOf, HARMLESS_SETTINGS, pathOf } from "./qualified-names.ts";
import type { AstFields, FileSetting, ParsedStatement } from "./sql-file.ts";

/** What a SET is: carried out, left out since it says what is so anyway, or refused. */
export type SettingVerdict =
  | { readonly kind: "SET"; readonly setting: FileSetting; readonly schemas: readonly string[] }
  | { readonly kind: "LEAVE" }
  | { readonly kind: "REFUSE"; readonly why: string };

/** Settings that have one value in every migration, as dumps write them at their head. */
const FIXED: Readonly<Record<string, RegExp>> = {
  client_encoding: /^'?utf-?8'?$|^unicode$/i,
  standard_conforming_strings: /^(on|true|1|yes)$/i,
  escape_string_warning: /./,
  backslash_quote: /^safe_encoding$/i,
  default_tablespace: /^$/,
  default_table_access_method: /^heap$/,
  default_with_oids: /^(off|false|0|no)$/i,
  xmloption: /^content$/i,
};

/** They would end a transaction that holds other files, too, and one of them is known to newer servers only. */
const OURS = new Set(["idle_in_transaction_session_timeout", "transaction_timeout"]);

const REFUSED = (what: string): SettingVerdict => ({
  kind: "REFUSE",
  why: `${what} is not allowed in a tenant migration`,
});

/** What becomes of a SET or RESET at the top of a file: it lasts until the file's end. */
export function settingVerdict({ fields, text }: ParsedStatement): SettingVerdict {
  const name = String(fields.name ?? "").toLowerCase();
  if (fields.kind === "VAR_RESET_ALL") return REFUSED("RESET ALL");
  if (fields.kind === "VAR_SET_MULTI" || name === "") return REFUSED(firstWords(text));
  const values = valuesOf(fields);
  if (values === null) return REFUSED(firstWords(text));
  return settingOf(name, values.join(", "), firstWords(text));
}

/** As `settingVerdict`, for a name and a value; an empty value also stands for the default. */
export function settingOf(name: string, value: string, what: string): SettingVerdict {
  if (OURS.has(name)) return { kind: "LEAVE" };
  const fixed = FIXED[name];
  if (fixed !== undefined) {
    return fixed.test(value) ? { kind: "LEAVE" } : REFUSED(`SET ${name} to ${value}`);
  }
  if (name === "search_path") {
    return { kind: "SET", setting: { timeout: null }, schemas: pathOf(value) };
  }
  if (!HARMLESS_SETTINGS.has(name) && !name.includes(".")) return REFUSED(what);
  if (name !== "statement_timeout" && name !== "lock_timeout")
    return { kind: "SET", setting: { timeout: null }, schemas: [] };
  const ms = value === "" ? null : millisecondsOf(value);
  if (ms === undefined) return REFUSED(`SET ${name} to ${value}`);
  return { kind: "SET", setting: { timeout: { name, ms } }, schemas: [] };
}

/** The values of a SET; none for its default; null where one is no constant. */
function valuesOf(fields: AstFields): string[] | null {
  if (!Array.isArray(fields.args)) return [];
  const values = fields.args.map(constantOf);
  return values.every((value) => value !== undefined) ? values : null;
}

const UNITS: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** A duration as PostgreSQL reads it: without a unit in milliseconds. */
function millisecondsOf(value: string): number | undefined {
  const [, amount, unit = "ms"] = /^\s*(\d+(?:\.\d+)?)\s*(us|ms|s|min|h|d)?\s*$/.exec(value) ?? [];
  return amount === undefined ? undefined : Math.round(Number(amount) * (UNITS[unit] ?? 1));
}

export function firstWords(text: string, count = 3): string {
  const words = text.match(/[a-z_]+/gi)?.slice(0, count) ?? ["this statement"];
  return words.join(" ").toUpperCase();
}
