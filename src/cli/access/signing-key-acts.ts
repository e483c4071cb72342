import { payloadOf } from "../api/api.ts";
import { openKeys, runAnywhere } from "../session.ts";
import { confirm } from "../terminal/confirm.ts";
import { EXIT } from "../terminal/exit-codes.ts";
import { secondOf, writeTable } from "../terminal/table.ts";
import { ListSigningKeys, RotateSigningKey } from "./documents.ts";

/** `tenantry signing-key list`: the keys that access tokens are signed with, the newest first. */
export async function listKeys(flags: { readonly json?: boolean }): Promise<void> {
  return await runAnywhere(flags, async ({ api, out }) => {
    const { signingKeys } = await api.execute(ListSigningKeys, {});
    if (flags.json) for (const key of signingKeys) out.json(key);
    else {
      writeTable(
        out,
        ["KEY", "STATE", "SIGNS FROM", "SIGNS UNTIL", "VERIFIES UNTIL", "PURGED"],
        signingKeys.map((key) => [
          ...[key.id, key.state, secondOf(key.signsFrom), secondOf(key.signsUntil)],
          ...[secondOf(key.verifiesUntil), secondOf(key.purgedAt)],
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
  const { now: immediately = false, reason = null } = flags;
  return await runAnywhere(
    flags,
    async (session) => {
      const { api, out } = session;
      // On a platform that no service has run on yet, the first key is made before it is replaced.
      await openKeys(session);
      const input = { immediately, reason };
      const { rotateSigningKey } = await api.execute(RotateSigningKey, { input });
      const { key, begun } = payloadOf(rotateSigningKey);
      if (flags.json) out.json({ type: "RESULT", begun, ...key });
      else {
        const what = begun ? "is published" : "was published earlier";
        out.line(`${out.style("green", "✔")} Key ${key.id} ${what}`);
        out.line(`  It signs from ${key.signsFrom} on.`);
      }
      return EXIT.ok;
    },
    () => (immediately ? confirm(QUESTION, flags.yes) : undefined),
  );
}

const QUESTION = "Drop every signing key there is, with all access tokens?";
