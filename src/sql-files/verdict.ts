import type { FileSetting } from "./sql-file.ts";

/** What becomes of a statement. */
export type Verdict =
  /** `native`: only in a database whose schemas keep their names. */
  | { readonly kind: "RUN"; readonly setting: FileSetting | null; readonly native?: true }
  /** Not carried out; `why` is null where there is nothing to tell. */
  | { readonly kind: "PASS"; readonly why: string | null }
  | { readonly kind: "EXTENSION"; readonly name: string }
  | { readonly kind: "BEGIN" | "COMMIT" }
  /** `needs` are schemas of a database of the tenant's own, where it may run; null: nowhere. */
  | {
      readonly kind: "REFUSE";
      readonly why: string;
      readonly needs: readonly string[] | null;
      /** Whether it does nothing where those schemas are not there. */
      readonly optional?: boolean;
      /** What it sets, where it may run. */
      readonly setting?: FileSetting | null;
    };

export const RUN: Verdict = { kind: "RUN", setting: null };
export const NATIVE: Verdict = { kind: "RUN", setting: null, native: true };
export const pass = (why: string | null): Verdict => ({ kind: "PASS", why });
export const refuse = (
  why: string,
  needs: readonly string[] | null = null,
): Verdict & { kind: "REFUSE" } => ({
  kind: "REFUSE",
  why,
  needs,
});
export const notAllowed = (what: string): Verdict =>
  refuse(`${what} is not allowed in a tenant migration`);

/** Why a publication takes a database of the tenant's own. */
export const PUBLICATION = "a publication belongs to a whole database";
