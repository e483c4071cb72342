import { createReadStream } from "node:fs";
import { type ChainLink, chainHead, hasLink, verifyAuditChain } from "../../audit/verify.ts";
import { verifyExport } from "../../audit/verify-export.ts";
import type { EntityManager } from "../../database/orm.ts";
import { authorize } from "../../iam/grants.ts";
import { findLoss } from "../../operations/health/history/accept-loss.ts";
import { lossWithRemedy } from "../../operations/health/history/history-findings.ts";
import type { Platform } from "../../platform.ts";
import { runCommand, runOnPlatform } from "../session.ts";
import { EXIT, PlainFailure, UsageError } from "../terminal/exit-codes.ts";
import type { Output } from "../terminal/output.ts";
import { writeFields } from "../terminal/table.ts";

const CHANGED = "the row was changed or slipped in, or the one before it was removed";
const NOT_NOTED = "the row does not have the hash that was noted";

/** The flags of `audit verify`. */
export interface VerifyFlags {
  readonly file?: string;
  readonly noted?: string;
  readonly json?: boolean;
}

/**
 * `tenantry audit verify`: recomputes the chain in the database or in a file, and names the first bad row. The
 * database is asked itself, since a service would be taken at its word; a file needs neither.
 */
export async function verifyAudit(flags: VerifyFlags): Promise<void> {
  const { file } = flags;
  const noted = linkOf(flags);
  if (file !== undefined) return await runCommand(flags, (out) => verifyFile(out, file, flags));
  return await runOnPlatform(flags, async ({ platform, actor, out }) => {
    authorize(actor, "audit:read");
    const em = platform.orm.em.fork();
    const last = await chainHead(em);
    const bad = (await firstFault(em, noted)) ?? (await firstLost(platform, last));
    if (flags.json) out.json({ type: "RESULT", whole: bad === null, bad, last });
    else if (bad === null) {
      out.line(`${out.style("green", "✔")} The audit trail is whole`);
      writeFields(out, [
        ["rows", String(last?.sequence)],
        ["newest hash", last?.hash ?? null],
      ]);
    } else {
      out.note(
        `${out.style("red", "✘")} The audit trail is broken at row ${bad.sequence}: ${bad.why}`,
      );
    }
    return bad === null ? EXIT.ok : EXIT.failed;
  });
}

/** The link that `--noted` names. @throws UsageError */
function linkOf({ noted, file }: VerifyFlags): ChainLink | null {
  if (noted === undefined) return null;
  if (file !== undefined) throw new UsageError("--noted asks the database: leave --file out");
  const [, sequence, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(noted) ?? [];
  if (hash !== undefined) return { sequence: Number(sequence), hash };
  throw new UsageError(`--noted must be a row and its hash, 48210:9f2c…, not '${noted}'`);
}

async function firstFault(em: EntityManager, noted: ChainLink | null) {
  const firstBad = await verifyAuditChain(em);
  if (firstBad !== null) return { sequence: Number(firstBad), why: CHANGED };
  if (noted === null || (await hasLink(em, noted))) return null;
  return { sequence: noted.sequence, why: NOT_NOTED };
}

/** What the service has noted outside of the database, and the trail does not hold. */
async function firstLost(platform: Platform, last: ChainLink | null) {
  const loss = await findLoss(platform);
  if (loss === null) return null;
  const behind = (last?.sequence ?? 0) + 1;
  return { sequence: loss.noted?.sequence ?? behind, why: lossWithRemedy(loss) };
}

async function verifyFile(out: Output, file: string, { json }: VerifyFlags): Promise<number> {
  const verdict = await verifyExport(createReadStream(file)).catch((error: unknown) => {
    const { syscall, message } = error as NodeJS.ErrnoException;
    throw syscall === undefined ? error : new PlainFailure(message);
  });
  const { rows, first, last, bad } = verdict;
  if (json) {
    const ends = { first: first && { sequence: first.sequence, prevHash: first.prevHash } };
    const end = last && { sequence: last.sequence, hash: last.hash };
    out.json({ type: "RESULT", whole: bad === null, bad, rows, ...ends, last: end });
  } else if (bad) {
    const where = bad.sequence === null ? "its beginning" : `row ${bad.sequence}`;
    out.note(`${out.style("red", "✘")} ${file} is broken at ${where}: ${bad.why}`);
  } else if (first !== null && last !== null) {
    out.line(`${out.style("green", "✔")} ${file} is whole: compare where it begins and ends`);
    writeFields(out, [
      ["rows", `${rows}, ${first.sequence} to ${last.sequence}`],
      ["hash before the first", first.prevHash],
      ["hash of the last", last.hash],
    ]);
  }
  return bad === null ? EXIT.ok : EXIT.failed;
}
