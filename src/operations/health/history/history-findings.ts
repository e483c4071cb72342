import { describeLoss, type LostHistory } from "../../../audit/lost-history.ts";
import type { Finding } from "../finding.ts";
import { findLoss, type LossPorts } from "./accept-loss.ts";

/** What an operator does about a loss. */
const LOSS_REMEDY =
  "nobody is let in by the API until an administrator has looked what is missing and runs `tenantry db accept-loss`, see docs/replication.md";

/** A loss with what is to be done about it. */
export const lossWithRemedy = (loss: LostHistory): string =>
  `${describeLoss(loss)}; ${LOSS_REMEDY}`;

/** What the platform database has lost, as a finding. */
export async function historyFindings(ports: LossPorts): Promise<Finding[]> {
  const loss = await findLoss(ports);
  if (loss === null) return [];
  return [{ code: "HISTORY_LOST", message: lossWithRemedy(loss), repair: null }];
}
