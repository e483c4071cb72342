import { verifyAuditChain } from "../audit/verify.ts";
import { authorize } from "../iam/grants.ts";
import { EXIT } from "./exit-codes.ts";
import { runOnPlatform } from "./session.ts";

/** `tenantry audit verify`: recomputes the audit trail's chain, and names the first bad row. */
export async function verifyAudit(flags: { readonly json?: boolean }): Promise<never> {
  return await runOnPlatform(flags, async ({ platform, actor, out }) => {
    authorize(actor, "audit:read");
    const firstBad = await verifyAuditChain(platform.orm.em.fork());
    if (flags.json)
      out.json({
        type: "RESULT",
        whole: firstBad === null,
        firstBad: firstBad?.toString() ?? null,
      });
    else if (firstBad === null) out.line(`${out.style("green", "✔")} The audit trail is whole`);
    else out.note(`${out.style("red", "✘")} The audit trail is broken at row ${firstBad}`);
    return firstBad === null ? EXIT.ok : EXIT.failed;
  });
}
