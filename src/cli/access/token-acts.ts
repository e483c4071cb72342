import type { EntityManager } from "../../database/orm.ts";
import { authorize } from "../../iam/grants.ts";
import { ROLES } from "../../iam/roles.ts";
import type { ServiceToken } from "../../iam/tokens/service-token.entity.ts";
import {
  createServiceToken,
  listServiceTokens,
  revokeServiceToken,
  stateOf,
} from "../../iam/tokens/service-tokens.ts";
import { type PlatformSession, runOnPlatform } from "../session.ts";
import { EXIT } from "../terminal/exit-codes.ts";
import { firstRows } from "../terminal/first-rows.ts";
import { givenFields, limitOf, oneOf } from "../terminal/flag-values.ts";
import { writeFields, writeTable } from "../terminal/table.ts";

/** The flags of `token create`. */
export interface CreateFlags {
  readonly name: string;
  readonly role: string;
  readonly expiresInDays?: number;
  readonly json?: boolean;
}

/** `tenantry token create`: the token's value is written once, on a line of its own. */
export async function createToken(flags: CreateFlags): Promise<void> {
  const { name, expiresInDays } = flags;
  const role = oneOf("--role", flags.role, ROLES);
  const request = givenFields({ name, role, expiresInDays });
  return await runOnPlatform(flags, async (session) => {
    const { actor, out } = session;
    const { serviceToken, value } = await createServiceToken(ports(session), actor, request);
    if (flags.json) out.json({ type: "RESULT", ...tokenJson(session, serviceToken), value });
    else {
      out.line(`${out.style("green", "✔")} Service token '${name}' lets in as ${role}`);
      writeFields(out, [
        ["id", serviceToken.id],
        ["expires", serviceToken.expiresAt.toISOString()],
        ["value", `${value}  (shown once)`],
      ]);
    }
    return EXIT.ok;
  });
}

/** The flags of `token list`. */
export interface TokenListFlags {
  readonly all?: boolean;
  readonly limit: string;
  readonly json?: boolean;
}

/** `tenantry token list`: the newest first. */
export async function listTokens(flags: TokenListFlags): Promise<void> {
  const limit = limitOf(flags.limit);
  return await runOnPlatform(flags, async (session) => {
    const { platform, actor, out } = session;
    authorize(actor, "service-token:read");
    const em = platform.orm.em.fork() as EntityManager;
    const filter = flags.all ? {} : { active: true };
    const { rows, more } = await firstRows(limit, (page) =>
      listServiceTokens(em, filter, platform.clock(), page),
    );
    if (flags.json) for (const token of rows) out.json(tokenJson(session, token));
    else if (rows.length === 0) out.note("No service tokens.");
    else {
      writeTable(
        out,
        ["TOKEN", "NAME", "ROLE", "STATE", "BEGINS", "EXPIRES", "LAST USED", "CREATED BY"],
        rows.map((token) => rowOf(session, token)),
      );
    }
    if (more) out.note(`There are more than ${limit}: raise --limit.`);
    return EXIT.ok;
  });
}

/** `tenantry token revoke`. */
export async function revokeToken(id: string, flags: { readonly json?: boolean }): Promise<void> {
  return await runOnPlatform(flags, async (session) => {
    const { actor, out } = session;
    const token = await revokeServiceToken(ports(session), actor, id);
    if (flags.json) out.json({ type: "RESULT", ...tokenJson(session, token) });
    else
      out.line(`${out.style("green", "✔")} Service token '${token.name}' lets nobody in any more`);
    return EXIT.ok;
  });
}

const ports = ({ platform: { orm, clock } }: PlatformSession) => ({
  em: orm.em as EntityManager,
  clock,
});

/** A service token as scripts read it. */
function tokenJson({ platform }: PlatformSession, token: ServiceToken) {
  const {
    createdByKind: kind,
    createdById: id,
    createdByName: name,
    tokenHash: _,
    ...shown
  } = token;
  return { ...shown, state: stateOf(token, platform.clock()), createdBy: { kind, id, name } };
}

const rowOf = ({ platform }: PlatformSession, token: ServiceToken): string[] => [
  ...[token.id, token.name, token.role, stateOf(token, platform.clock()), `${token.hint}…`],
  minuteOf(token.expiresAt),
  token.lastUsedAt ? minuteOf(token.lastUsedAt) : "never",
  token.createdByName,
];

const minuteOf = (date: Date): string => date.toISOString().slice(0, 16).replace("T", " ");
