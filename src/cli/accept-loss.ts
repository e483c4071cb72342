import { z } from "zod";
import { describeLoss } from "../audit/lost-history.ts";
import { parseInput, reasonField } from "../kernel/input.ts";
import { acceptLoss, findLoss } from "../operations/health/history/accept-loss.ts";
import { runOnPlatform } from "./session.ts";
import { confirm } from "./terminal/confirm.ts";
import { EXIT, PlainFailure } from "./terminal/exit-codes.ts";

/** The flags of `db accept-loss`. */
export interface AcceptLossFlags {
  readonly reason: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const NOTHING = "Nothing is known to be lost: there is nothing to accept.";

/** `tenantry db accept-loss`: lets people in again after the platform database has lost something. */
export async function acceptLost(flags: AcceptLossFlags): Promise<void> {
  return await runOnPlatform(flags, async ({ platform, actor, out }) => {
    const { reason } = parseInput(z.strictObject({ reason: reasonField }), {
      reason: flags.reason,
    });
    const found = await findLoss(platform);
    if (found === null) throw new PlainFailure(NOTHING);
    if (!flags.json) out.line(`${describeLoss(found)}.`);
    await confirm("Is everybody to be let in by what it holds now?", flags.yes);
    const accepted = await acceptLoss(platform, actor, reason);
    if (accepted === null) throw new PlainFailure(NOTHING);
    if (flags.json) out.json({ type: "RESULT", accepted: true, ...accepted });
    else
      out.line(
        `${out.style("green", "✔")} Accepted: tokens and sign-ins are taken again within seconds, and the doctor mends again.`,
      );
    return EXIT.ok;
  });
}
