import type { EntityManager } from "../../database/orm.ts";
import { authorize } from "../../iam/grants.ts";
import {
  keyStateAt,
  listSigningKeys,
  rotateSigningKey,
} from "../../iam/tokens/rotate-signing-key.ts";
import type { SigningKey } from "../../iam/tokens/signing-key.entity.ts";
import { runOnPlatform } from "../session.ts";
import { confirm } from "../terminal/confirm.ts";
import { EXIT } from "../terminal/exit-codes.ts";
import { givenFields } from "../terminal/flag-values.ts";
import { writeTable } from "../terminal/table.ts";

/** `tenantry signing-key list`: the keys that access tokens are signed with, the newest first. */
export async function listKeys(flags: { readonly json?: boolean }): Promise<void> {
  return await runOnPlatform(flags, async ({ platform, actor, out }) => {
    authorize(actor, "signing-key:read");
    const keys = await listSigningKeys(platform.orm.em.fork() as EntityManager);
    const now = platform.clock();
    if (flags.json) for (const key of keys) out.json(keyJson(key, now));
    else {
      writeTable(
        out,
        ["KEY", "STATE", "SIGNS FROM", "SIGNS UNTIL", "VERIFIES UNTIL", "PURGED"],
        keys.map((key) => [
          ...[key.id, keyStateAt(key, now), textOf(key.signsFrom), textOf(key.retiredAt)],
          ...[textOf(key.verifiesUntil), textOf(key.purgedAt)],
        ]),
      );
    }
    return EXIT.ok;
  });
}

/** The flags of `signing-key rotate`. */
export interface RotateFlags {
  readonly now?: boolean;
  readonly reason?: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** `tenantry signing-key rotate`. */
export async function rotateKey(flags: RotateFlags): Promise<void> {
  return await runOnPlatform(
    flags,
    async ({ platform, actor, out }) => {
      const { orm, secrets, clock } = platform;
      // On a platform that no service has run on yet, the first key is made before it is replaced.
      await platform.openKeys();
      const { key, begun } = await rotateSigningKey(
        { em: orm.em, secrets, clock },
        actor,
        givenFields({ immediately: flags.now, reason: flags.reason }),
      );
      if (flags.json) out.json({ type: "RESULT", begun, ...keyJson(key, clock()) });
      else {
        const what = begun ? "is published" : "was published earlier";
        out.line(`${out.style("green", "✔")} Key ${key.id} ${what}`);
        out.line(`  It signs from ${key.signsFrom.toISOString()} on.`);
      }
      return EXIT.ok;
    },
    () => (flags.now ? confirm(QUESTION, flags.yes) : undefined),
  );
}

const QUESTION = "Drop every signing key there is, with all access tokens?";

const textOf = (date: Date | null | undefined): string =>
  date ? date.toISOString().slice(0, 19).replace("T", " ") : "";

/** A signing key as scripts read it. */
function keyJson(key: SigningKey, now: Date) {
  const { id, createdAt, signsFrom, retiredAt, verifiesUntil, purgedAt } = key;
  const state = keyStateAt(key, now);
  return { id, state, createdAt, signsFrom, signsUntil: retiredAt, verifiesUntil, purgedAt };
}
