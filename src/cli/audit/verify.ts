import { createReadStream } from "node:fs";
import { chainHead, verifyAuditChain } from "../../audit/verify.ts";
import { verifyExport } from "../../audit/verify-export.ts";
import { authorize } from "../../iam/grants.ts";
import { runCommand, runOnPlatform } from "../session.ts";
import { EXIT, PlainFailure } from "../terminal/exit-codes.ts";
import type { Output } from "../terminal/output.ts";
import { writeFields } from "../terminal/table.ts";

const CHANGED = "the row was changed or slipped in, or the one before it was removed";

/** The flags of `audit verify`. */
export interface VerifyFlags {
  readonly file?: string;
  readonly json?: boolean;
}

/** `tenantry audit verify`: recomputes the chain in the database or in a file, and names the first bad row. */
export async function verifyAudit(flags: VerifyFlags): Promise<void> {
  const { file } = flags;
  if (file !== undefined) return await runCommand(flags, (out) => verifyFile(out, file, flags));
  return await runOnPlatform(flags, async ({ platform, actor, out }) => {
    authorize(actor, "audit:read");
    const em = platform.orm.em.fork();
    const head = await chainHead(em);
    const firstBad = await verifyAuditChain(em);
    if (flags.json) {
      const bad = firstBad === null ? null : { sequence: Number(firstBad), why: CHANGED };
      out.json({ type: "RESULT", whole: bad === null, bad, last: head });
    } else if (firstBad === null) {
      out.line(`${out.style("green", "✔")} The audit trail is whole`);
      writeFields(out, [
        ["rows", String(head?.sequence)],
        ["newest hash", head?.hash ?? null],
      ]);
    } else out.note(`${out.style("red", "✘")} The audit trail is broken at row ${firstBad}`);
    return firstBad === null ? EXIT.ok : EXIT.failed;
  });
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
