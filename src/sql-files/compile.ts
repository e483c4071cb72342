import { loadModule } from "libpg-query";
import { commits } from "./function-rules.ts";
import { mentions } from "./home-names.ts";
import { parseStatements } from "./parse.ts";
import { piecesOf } from "./pieces.ts";
import { namesOfTree } from "./qualified-names.ts";
import { seedVerdict } from "./seed-rules.ts";
import {
  type FileSetting,
  linesBefore,
  type ParsedStatement,
  type PassedOver,
  type Piece,
  type Place,
  type Refusal,
  type SqlFile,
  type SqlStatement,
  textIn,
  type WantedExtension,
} from "./sql-file.ts";
import { calledBy, indexOf, isDeferrable, madeBy, tableOf } from "./statement-facts.ts";
import { runsOutside, verdictOf } from "./statement-rules.ts";
import { ledgerColumns } from "./tool-ledgers.ts";
import type { Verdict } from "./verdict.ts";

/** What a file is: a migration, or a seed, which holds repeatable INSERTs only. */
export type FileKind = "MIGRATION" | "SEED";

export interface CompileRequest {
  readonly text: string;
  readonly kind: FileKind;
  /** What the tenant's schema is called in the file. */
  readonly homes: readonly string[];
}

/**
 * Parses a SQL file with PostgreSQL's own grammar and decides about each of its statements.
 *
 * @throws SqlSyntaxError with the line, for a text that the grammar refuses
 */
export async function compileSql({ text, kind, homes }: CompileRequest): Promise<SqlFile> {
  await loadModule();
  const file = new Compilation(kind, homes);
  for (const statement of parseStatements(text)) file.add(statement);
  return file.end();
}

class Compilation {
  readonly #kind: FileKind;
  readonly #homes: readonly string[];
  readonly #statements: SqlStatement[] = [];
  readonly #extensions: WantedExtension[] = [];
  readonly #passedOver: PassedOver[] = [];
  readonly #refusals: Refusal[] = [];
  readonly #createsBare = new Set<string>();
  readonly #createsQualified = new Set<string>();
  readonly #createsSchemas = new Set<string>();
  readonly #enumValues: string[] = [];
  readonly #committing: string[] = [];
  #apart: SqlFile["apart"] = null;
  #deferrable = false;
  #namesHome = false;
  #unit = 0;
  #begin: ParsedStatement | null = null;

  constructor(kind: FileKind, homes: readonly string[]) {
    this.#kind = kind;
    this.#homes = homes;
  }

  add(statement: ParsedStatement): void {
    const { line, text, fields } = statement;
    if (statement.kind === "CreateSchemaStmt") this.#createsSchemas.add(String(fields.schemaname));
    const verdict = this.#verdict(statement);
    switch (verdict.kind) {
      case "RUN":
        this.#run(statement, verdict.setting, verdict.native);
        break;
      case "PASS":
        if (verdict.why !== null) this.#passedOver.push({ line, text, why: verdict.why });
        break;
      case "EXTENSION":
        this.#extensions.push({ name: verdict.name, line });
        break;
      case "REFUSE":
        this.#refuse(line, text, verdict);
        if (verdict.needs !== null) this.#run(statement, verdict.setting ?? null);
        break;
      default:
        this.#transaction(statement, verdict.kind);
    }
  }

  end(): SqlFile {
    return {
      statements: this.#statements,
      extensions: this.#extensions,
      passedOver: this.#passedOver,
      refusals: this.#refusals.sort((a, b) => a.line - b.line),
      apart: this.#apart,
      deferrable: this.#deferrable,
      createsBare: [...this.#createsBare],
      createsQualified: [...this.#createsQualified],
      committing: this.#committing,
      createsSchemas: [...this.#createsSchemas],
      namesHome: this.#namesHome,
    };
  }

  #verdict(statement: ParsedStatement): Verdict {
    return this.#kind === "SEED"
      ? seedVerdict(statement, this.#homes)
      : verdictOf(statement, this.#homes);
  }

  #run(statement: ParsedStatement, setting: FileSetting | null, native = false): void {
    const { text, line, kind, fields } = statement;
    const { aliases, ledgers } = namesOfTree(fields, this.#homes);
    const { pieces, stuck, namesHome } = piecesOf(statement, { homes: this.#homes, aliases });
    const fault = native ? null : (stuck ?? leftOver(pieces, this.#homes));
    if (fault !== null)
      this.#refuse(line + linesBefore(text, fault.at), text, { why: fault.why, needs: [] });
    this.#namesHome ||= namesHome;
    const outside = runsOutside(statement);
    const alone = outside
      ? "CONCURRENTLY"
      : kind === "DoStmt" && commits(fields)
        ? "a COMMIT"
        : null;
    if (alone !== null && this.#begin !== null)
      this.#refuse(line, text, { why: `${alone} between BEGIN and COMMIT`, needs: null });
    if (outside) this.#leave(line, "CONCURRENTLY runs outside of a transaction");
    this.#noteEnum(statement);
    this.#deferrable ||= isDeferrable(statement);
    const made = madeBy(statement);
    if (made !== null)
      (made.schema === null ? this.#createsBare : this.#createsQualified).add(made.name);
    if (kind === "CreateFunctionStmt" && made !== null && commits(fields))
      this.#committing.push(made.name);
    if (this.#begin === null) this.#unit++;
    this.#makeToolLedger(statement, ledgers);
    const table = tableOf(statement);
    const index = outside ? indexOf(statement, this.#homes) : null;
    this.#statements.push({
      text,
      line,
      kind,
      unit: this.#unit,
      outside,
      setting,
      table,
      index,
      commits: kind === "DoStmt" && commits(fields),
      calls: kind === "CallStmt" ? calledBy(fields) : null,
      pieces: native ? [{ native: text }] : pieces.length === 1 ? [] : pieces,
    });
  }

  #transaction(statement: ParsedStatement, kind: "BEGIN" | "COMMIT"): void {
    const { line, text } = statement;
    if (kind === "BEGIN") {
      if (this.#begin !== null)
        this.#refuse(line, text, { why: "BEGIN within a transaction", needs: null });
      // One that stays open is ended by the commit of the tool that began before it.
      this.#begin = statement;
      this.#unit++;
    } else if (this.#begin === null) {
      this.#leave(line, "COMMIT leaves the transaction that its tool began");
    } else {
      this.#begin = null;
    }
  }

  #refuse(
    line: number,
    text: string,
    verdict: Pick<Verdict & { kind: "REFUSE" }, "why" | "needs" | "optional">,
  ): void {
    const { why, needs, optional = false } = verdict;
    this.#refusals.push({ line, text, why, needs, optional });
  }

  #leave(line: number, why: string): void {
    this.#apart ??= { line, why };
  }

  /** Makes the tool's own table where the file speaks of it. */
  #makeToolLedger(
    { line, text }: ParsedStatement,
    ledgers: ReadonlyMap<string, string | null>,
  ): void {
    for (const [table, schema] of ledgers) {
      if (this.#createsBare.has(table) || this.#createsQualified.has(table)) continue;
      (schema === null ? this.#createsBare : this.#createsQualified).add(table);
      const home = schema === null ? [] : [{ home: table, written: schema }, "."];
      const pieces = ["create table if not exists ", ...home, `${table} (${ledgerColumns(table)})`];
      const plain = { outside: false, setting: null, commits: false, calls: null, index: null };
      this.#statements.push({
        ...plain,
        kind: "CreateStmt",
        pieces,
        unit: this.#unit,
        text,
        line,
        table,
      });
    }
  }

  /** A value that is added to an enum can be used when that is committed (PostgreSQL, ALTER TYPE). */
  #noteEnum({ kind, fields, text, line }: ParsedStatement): void {
    if (this.#enumValues.some((value) => text.includes(`'${value.replaceAll("'", "''")}'`)))
      this.#leave(line, "a value that the file adds to an enum is used in it");
    if (kind === "AlterEnumStmt" && fields.oldVal === undefined)
      this.#enumValues.push(String(fields.newVal ?? ""));
  }
}

/** No file has a schema of this name. */
const ELSEWHERE = "tenantry elsewhere";

/** Whether the grammar still finds the home schema where another name has been put in its place. */
function leftOver(
  pieces: readonly Piece[],
  homes: readonly string[],
): { at: number; why: string } | null {
  const written = pieces.filter((piece) => typeof piece === "string").join(" ");
  const instead = textIn({ ...ANYWHERE, schema: `"${ELSEWHERE}"` }, { text: "", pieces });
  if (!mentions(written, homes)) return null;
  if (instead === null) return null;
  const [statement] = parseStatements(instead);
  const left = namesOfTree(statement?.fields, [ELSEWHERE]).schemas.some((schema) =>
    homes.includes(schema),
  );
  return left
    ? { at: 0, why: "a name of the tenant's schema cannot be put in another's place" }
    : null;
}

const ANYWHERE: Place = {
  schema: null,
  inExtensions: new Set(),
  created: new Set(),
  concurrently: true,
  roles: { has: () => true } as unknown as ReadonlySet<string>,
};
