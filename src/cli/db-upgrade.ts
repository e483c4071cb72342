import { assemble } from "../assemble.ts";
import { platformVersion } from "../database/platform-version.ts";
import { commandConfig, refuseToken, runCommand } from "./session.ts";
import { EXIT } from "./terminal/exit-codes.ts";

/** `tenantry db upgrade`: brings the platform database to this version, and says what that took. */
export async function upgradeDatabase(flags: { readonly json?: boolean }): Promise<void> {
  return await runCommand(flags, async (out) => {
    refuseToken();
    const begun = performance.now();
    const platform = await assemble(commandConfig(), {}, "UPGRADE");
    try {
      const seconds = (performance.now() - begun) / 1_000;
      const em = platform.orm.em.fork();
      // By the database's own clock: it, not ours, wrote when each was applied.
      const applied = await em.execute<{ name: string; now: boolean }[]>(
        "select name, executed_at > now() - make_interval(secs => ?) as now from platform.migration order by id",
        [seconds],
      );
      const news = applied.filter((migration) => migration.now).map((migration) => migration.name);
      const version = applied.at(-1)?.name ?? null;
      const newer = (await platformVersion(em)).unknown.length > 0;
      if (flags.json) out.json({ type: "RESULT", applied: news, version, newer });
      else {
        for (const name of news) out.line(`${out.style("green", "✔")} applied ${name}`);
        const how = newer ? ", newer than this program" : "; it was up to date";
        out.line(
          `The platform database is at ${version ?? "no version"}${news.length === 0 ? how : ""}.`,
        );
      }
      return EXIT.ok;
    } finally {
      await platform.close();
    }
  });
}
