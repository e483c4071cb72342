import { findPlatformUrl } from "../assemble.ts";
import { commandConfig, refuseToken, runCommand } from "./session.ts";
import { EXIT, PlainFailure } from "./terminal/exit-codes.ts";

/** `tenantry db url`: how psql and the like open the platform database. */
export async function showDatabaseUrl(flags: { readonly json?: boolean }): Promise<void> {
  return await runCommand(flags, async (out) => {
    refuseToken();
    const { database, dataDir } = commandConfig();
    const url = await findPlatformUrl(database);
    if (url === null)
      throw new PlainFailure(
        `No embedded PostgreSQL runs in ${dataDir}: it does while a service or a worker runs (npm start, tenantry worker). Start one, and ask again.`,
      );
    if (flags.json) out.json({ type: "RESULT", url });
    else out.line(url);
    return EXIT.ok;
  });
}
