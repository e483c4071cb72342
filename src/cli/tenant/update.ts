import { TIERS } from "../../tenants/tiers.ts";
import { payloadOf } from "../api/api.ts";
import { exitCodeOf, seeThrough } from "../operation/follow-operation.ts";
import type { ShownOperation } from "../operation/operations.ts";
import { operationJson, showResult, startedJson } from "../operation/show-result.ts";
import { leaveIt } from "../operation/start-operation.ts";
import { runAnywhere, type Session } from "../session.ts";
import { EXIT, UsageError } from "../terminal/exit-codes.ts";
import { givenFields, oneOf } from "../terminal/flag-values.ts";
import { UpdateTenant } from "./documents.ts";

/** The flags of `tenant update`. */
export interface UpdateFlags {
  readonly slug: string;
  readonly name?: string;
  readonly tier?: string;
  readonly vertical?: string;
  readonly supportEmail?: string;
  readonly supportPhone?: string;
  readonly connectionLimit?: string;
  readonly statementTimeout?: string;
  readonly idleInTransactionTimeout?: string;
  readonly json?: boolean;
  readonly wait: boolean;
}

/** `tenantry tenant update`: an empty text clears a field that can be empty. */
export async function update(flags: UpdateFlags): Promise<void> {
  const { slug, name, json = false } = flags;
  const changes = givenFields({
    name,
    tier: oneOf("--tier", flags.tier, TIERS),
    vertical: clearable(flags.vertical),
    supportEmail: clearable(flags.supportEmail),
    supportPhone: clearable(flags.supportPhone),
    connectionLimit: numberOf("--connection-limit", flags.connectionLimit),
    statementTimeoutSeconds: numberOf("--statement-timeout", flags.statementTimeout),
    idleInTransactionTimeoutSeconds: numberOf(
      "--idle-in-transaction-timeout",
      flags.idleInTransactionTimeout,
    ),
  });
  if (Object.keys(changes).length === 0) throw new UsageError("Nothing to change was given");
  return await runAnywhere(flags, async (session) => {
    const { api, out } = session;
    const { updateTenant } = await api.execute(UpdateTenant, {
      input: { tenant: { slug }, ...changes },
    });
    const { tenant, operation } = payloadOf(updateTenant);
    if (!json) out.line(`${out.style("green", "✔")} Tenant '${slug}' is changed`);
    const { code, ended } = await settle(session, operation, flags);
    if (json) {
      const { id: tenantId, slug: _, ...shown } = tenant;
      out.json({ type: "RESULT", tenantId, slug, ...shown, operation: ended });
    }
    return code;
  });
}

interface Settled {
  readonly code: number;
  /** The operation as it stands, for scripts. */
  readonly ended: ReturnType<typeof operationJson> | null;
}

/** Sees the operation through that gives the tenant's logins their limits, where there is one. */
async function settle(
  session: Session,
  operation: ShownOperation | null,
  { json = false, wait }: UpdateFlags,
): Promise<Settled> {
  if (operation === null) return { code: EXIT.ok, ended: null };
  if (json) session.out.json(startedJson(operation));
  if (!wait) return { code: await leaveIt(session, operation.id), ended: operationJson(operation) };
  let last = operation;
  const code = await seeThrough(session, operation, { json }, async (watched) => {
    last = watched.operation;
    if (!json) await showResult(session.out, last);
    return exitCodeOf(watched);
  });
  return { code, ended: operationJson(last) };
}

const clearable = (text: string | undefined): string | null | undefined =>
  text === "" ? null : text;

/** @throws UsageError */
function numberOf(flag: string, text: string | undefined): number | null | undefined {
  if (text === undefined) return undefined;
  if (text === "") return null;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UsageError(`${flag} must be a whole number, or an empty text, not '${text}'`);
}
