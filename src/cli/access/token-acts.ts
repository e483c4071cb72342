import type { CommandServiceTokenFragment } from "../../client/generated/graphql.ts";
import { ROLES } from "../../iam/roles.ts";
import { firstNodes, type Page, payloadOf } from "../api/api.ts";
import { runAnywhere } from "../session.ts";
import { EXIT } from "../terminal/exit-codes.ts";
import { type LimitFlags, limitOf, oneOf } from "../terminal/flag-values.ts";
import { AGAIN } from "../terminal/run-flags.ts";
import { minuteOf, writeFields, writeTable } from "../terminal/table.ts";
import { CreateServiceToken, ListServiceTokens, RevokeServiceToken } from "./documents.ts";

/** The flags of `token create`. */
export interface CreateFlags {
  readonly name: string;
  readonly role: string;
  readonly expiresInDays?: number;
  readonly idempotencyKey?: string;
  readonly json?: boolean;
}

/** `tenantry token create`: the token's value is written once, on a line of its own. */
export async function createToken(flags: CreateFlags): Promise<void> {
  const { name, expiresInDays = null, idempotencyKey = null } = flags;
  const role = oneOf("--role", flags.role, ROLES);
  const input = { name, role, expiresInDays, idempotencyKey };
  return await runAnywhere(flags, async ({ api, out }) => {
    const { createServiceToken } = await api.execute(CreateServiceToken, { input });
    const { serviceToken, value, replayed } = payloadOf(createServiceToken);
    if (flags.json) out.json({ type: "RESULT", ...serviceToken, value, replayed });
    else {
      const again = replayed ? AGAIN : "";
      out.line(`${out.style("green", "✔")} Service token '${name}' lets in as ${role}${again}`);
      writeFields(out, [
        ["id", serviceToken.id],
        ["expires", serviceToken.expiresAt],
        ["value", `${value}  (shown once)`],
      ]);
    }
    return EXIT.ok;
  });
}

/** The flags of `token list`. */
export interface TokenListFlags extends LimitFlags {
  readonly all?: boolean;
}

/** `tenantry token list`: the newest first. */
export async function listTokens(flags: TokenListFlags): Promise<void> {
  const limit = limitOf(flags);
  const filter = flags.all ? {} : { active: true };
  return await runAnywhere(flags, async ({ api, out }) => {
    const read = async (page: Page) =>
      (await api.execute(ListServiceTokens, { filter, ...page })).serviceTokens;
    const { nodes, more } = await firstNodes(limit, read, flags.json ? out.json : undefined);
    if (nodes.length === 0 && !flags.json) out.note("No service tokens.");
    else if (!flags.json) {
      writeTable(
        out,
        ["TOKEN", "NAME", "ROLE", "STATE", "BEGINS", "EXPIRES", "LAST USED", "CREATED BY"],
        nodes.map(rowOf),
      );
    }
    if (more) out.note(`There are more than ${limit}: raise --limit.`);
    return EXIT.ok;
  });
}

/** `tenantry token revoke`. */
export async function revokeToken(id: string, flags: { readonly json?: boolean }): Promise<void> {
  return await runAnywhere(flags, async ({ api, out }) => {
    const { revokeServiceToken } = await api.execute(RevokeServiceToken, { id });
    const { serviceToken } = payloadOf(revokeServiceToken);
    if (flags.json) out.json({ type: "RESULT", ...serviceToken });
    else {
      const { name } = serviceToken;
      out.line(`${out.style("green", "✔")} Service token '${name}' lets nobody in any more`);
    }
    return EXIT.ok;
  });
}

const rowOf = (token: CommandServiceTokenFragment): string[] => [
  ...[token.id, token.name, token.role, token.state, `${token.hint}…`],
  ...[minuteOf(token.expiresAt), minuteOf(token.lastUsedAt) || "never", token.createdBy.name],
];
