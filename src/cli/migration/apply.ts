import type { EntityManager } from "../../database/orm.ts";
import { authorize } from "../../iam/grants.ts";
import type { MigrationSettings } from "../../migration-folders/migration-source.ts";
import {
  applyInScratch,
  type ScratchCheck,
} from "../../operations/migration-check/apply-in-scratch.ts";
import { dbServerByName } from "../../placement/db-server-registry.ts";
import { DEFAULT_SERVER } from "../../placement/default-server.ts";
import { onPlatform } from "../session.ts";
import { EXIT } from "../terminal/exit-codes.ts";
import type { Output } from "../terminal/output.ts";

/** Applies a folder in scratch databases, on a db server of the platform that the command finds. */
export async function applyFolder(
  out: Output,
  settings: MigrationSettings,
  dbServer: string = DEFAULT_SERVER,
): Promise<ScratchCheck> {
  const { promise, resolve } = Promise.withResolvers<ScratchCheck>();
  await onPlatform(out, async ({ platform, actor }) => {
    authorize(actor, "migration:check");
    const { orm, servers, config } = platform;
    const server = await dbServerByName(orm.em.fork() as EntityManager, dbServer);
    const ports = { servers, schemaPrefix: config.tenantSchemaPrefix };
    resolve(await applyInScratch(ports, server, settings));
    return EXIT.ok;
  });
  return await promise;
}
