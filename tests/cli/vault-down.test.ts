import { expect, test } from "vitest";
import { freshSlug } from "../kit/database.ts";
import { startKeyVault } from "../kit/key-vault.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { provision } from "../kit/tenants.ts";
import { linesOf, tenantry } from "./_run.ts";

const vault = perFile(startKeyVault);
const world = perFile(() => openPlatform({ replace: { secrets: vault.open() }, worker: true }));

test("what needs no secret works at once while Key Vault is down, and the rest says so", async () => {
  const slug = freshSlug();
  await provision(world.platform, { slug });
  const environment = { ...world.environment, AZURE_KEY_VAULT_URL: "https://127.0.0.1:1" };
  const provisioning = ["--name", "Acme", "--admin-email", "ada@acme.test", "--lab", "Main"];
  const run = (...words: string[]) => tenantry([...words, "--json"], environment);
  const [examined, refused, ...looks] = await Promise.all([
    run("tenant", "doctor"),
    run("tenant", "provision", "--slug", freshSlug(), ...provisioning),
    run("tenant", "list"),
    run("audit", "list"),
    run("db", "upgrade"),
  ]);
  for (const ran of looks) expect(ran).toMatchObject({ end: 0, stderr: "" });
  expect(examined.end).toBe(1);
  expect(linesOf(examined)).toMatchObject([
    {
      code: "SERVER_UNREACHABLE",
      message:
        "The db server was not looked at, since its login cannot be read: Key Vault cannot be reached (ECONNREFUSED)",
    },
    { type: "RESULT", unhealthy: 1 },
  ]);
  expect(linesOf(refused)).toMatchObject([
    {
      type: "ERROR",
      error: {
        code: "PROVISIONING_UNAVAILABLE",
        message: "Provisioning is unavailable: Key Vault cannot be reached (ECONNREFUSED)",
      },
    },
  ]);
});
