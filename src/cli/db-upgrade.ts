import { assemble } from "../assemble.ts";
import { commandConfig, refuseToken, runCommand } from "./session.ts";
import { EXIT } from "./terminal/exit-codes.ts";

/** `tenantry db upgrade`: brings the platform database to this version, and says what that took. */
export async function upgradeDatabase(flags: { readonly json?: boolean }): Promise<void> {
  return await runCommand(flags, async (out) => {
    refuseToken();
    const begun = performance.now();
    const platform = await assemble(commandConfig());
    try {
      const seconds = (performance.now() - begun) / 1_000;
      // By the database's own clock: it, not ours, wrote when each was applied.
      const applied = await platform.orm.em
        .fork()
        .execute<{ name: string; now: boolean }[]>(
          "select name, executed_at > now() - make_interval(secs => ?) as now from platform.migration order by id",
          [seconds],
        );
      const news = applied.filter((migration) => migration.now).map((migration) => migration.name);
      const version = applied.at(-1)?.name ?? null;
      if (flags.json) out.json({ type: "RESULT", applied: news, version });
      else {
        for (const name of news) out.line(`${out.style("green", "✔")} applied ${name}`);
        out.line(
          `The platform database is at ${version ?? "no version"}${news.length === 0 ? "; it was up to date" : ""}.`,
        );
      }
      return EXIT.ok;
    } finally {
      await platform.close();
    }
  });
}
