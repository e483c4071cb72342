import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Exported, type ExportFilter, exportTrail } from "../../audit/export.ts";
import { type ExportFormat, FORMATS } from "../../audit/export-format.ts";
import { authorize } from "../../iam/grants.ts";
import { type PlatformSession, runOnPlatform } from "../session.ts";
import { EXIT, PlainFailure, UsageError } from "../terminal/exit-codes.ts";
import { givenFields, momentOf } from "../terminal/flag-values.ts";

/** The flags of `audit export`. */
export interface ExportFlags {
  readonly format: string;
  readonly since?: string;
  readonly until?: string;
  readonly after?: string;
  readonly out?: string;
}

/**
 * `tenantry audit export`: streams the trail to a file or to standard output. It reads the database itself:
 * hashes are made over microseconds, and over the ids of tenants and operations that need not exist any
 * more; the API tells neither.
 */
export async function exportAudit(flags: ExportFlags): Promise<void> {
  const format = formatOf(flags.format);
  const filter = filterOf(flags);
  return await runOnPlatform({}, async (session) => {
    const { platform, actor, out } = session;
    authorize(actor, "audit:read");
    const exported: Exported = { rows: 0, first: null, last: null };
    const rows = exportTrail(platform.orm.em.fork(), filter, format, exported);
    const lines = Readable.from(rows, { highWaterMark: 1 });
    await (flags.out === undefined ? toReader(lines) : toFile(lines, flags.out));
    tell(out, exported);
    return EXIT.ok;
  });
}

function formatOf(word: string): ExportFormat {
  const formats = Object.keys(FORMATS) as ExportFormat[];
  const format = formats.find((each) => each === word.toLowerCase());
  if (format !== undefined) return format;
  throw new UsageError(`--format must be one of ${formats.join(", ")}, not '${word}'`);
}

function filterOf({ since, until, after }: ExportFlags): ExportFilter {
  if (after !== undefined && !/^\d{1,15}$/.test(after))
    throw new UsageError(`--after must be a row's sequence, not '${after}'`);
  return givenFields({
    since: momentOf("--since", since),
    until: momentOf("--until", until),
    after: after && Number(after),
  });
}

async function toReader(lines: Readable): Promise<void> {
  try {
    await pipeline(lines, process.stdout, { end: false });
  } catch (error) {
    // Whoever has read enough may go away: `| head`.
    if ((error as NodeJS.ErrnoException).code !== "EPIPE") throw error;
  }
}

/** Writes a new file, and none where that fails: half of an export would verify as a whole one. */
async function toFile(lines: Readable, file: string): Promise<void> {
  const stream = createWriteStream(file, { flags: "wx", mode: 0o600 });
  try {
    await pipeline(lines, stream);
  } catch (error) {
    const { code, syscall, message } = error as NodeJS.ErrnoException;
    if (syscall === "open") {
      throw new PlainFailure(code === "EEXIST" ? `${file} exists already` : message);
    }
    await rm(file, { force: true });
    throw error;
  }
}

function tell(out: PlatformSession["out"], { rows, first, last }: Exported): void {
  if (first === null || last === null) out.note("No audit events: nothing was exported.");
  else {
    out.note(`Exported ${rows} events, ${first.sequence} to ${last.sequence}.`);
    out.note(`Note the last hash elsewhere: ${last.hash}`);
  }
}
