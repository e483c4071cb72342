import type { EntityManager } from "../../database/orm.ts";
import { OperationEntity } from "../engine/operation.entity.ts";
import { type GracePorts, graceEnded } from "./grace-end.ts";
import { type RetentionPorts, retentionEnded } from "./retention-end.ts";

/** Does what an ended operation has left for later, in the caller's transaction. */
export async function timerEnded(
  ports: GracePorts & RetentionPorts,
  em: EntityManager,
  operationId: string,
): Promise<void> {
  const operation = await em.findOne(OperationEntity, { id: operationId });
  if (operation?.kind === "OFFBOARD") await retentionEnded(ports, em, operation);
  if (operation?.kind === "ROTATE_CREDENTIALS") await graceEnded(ports, em, operation);
}
