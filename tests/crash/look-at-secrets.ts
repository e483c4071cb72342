import pg from "pg";
import type { Place } from "./place.ts";

/** The secret: whether what is stored logs in, and how many older ones do. */
export async function secretsOf(place: Place, slug: string): Promise<string[]> {
  const names = (await place.secretNames()).filter((name) => name.includes(slug));
  const found = names.map(async (name) => {
    const values = await place.valuesOf(name);
    const stored = values.at(-1);
    if (stored === undefined) return `secret ${name} deleted`;
    const older = [...new Set(values)].filter((value) => value !== stored);
    const open = await Promise.all(older.map(logsIn));
    const opened = open.filter((answer) => answer === "logs in").length;
    return `secret ${name} as ${new URL(stored).username} ${await logsIn(stored)}, of the older ones ${opened}`;
  });
  return await Promise.all(found);
}

/** What becomes of a login. */
async function logsIn(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url, application_name: "sweep application" });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query("select count(*) from organization");
    return "logs in";
  } catch (error) {
    return `is refused with ${(error as { code?: string }).code ?? error}`;
  } finally {
    await client.end().catch(() => undefined);
  }
}
