import type { Command } from "commander";
import type { OperationFlag } from "../../api/generate/command-manifest.ts";
import { payloadOf } from "../api/api.ts";
import updateFlags from "../generated/update-tenant.json" with { type: "json" };
import { exitCodeOf, seeThrough } from "../operation/follow-operation.ts";
import type { ShownOperation } from "../operation/operations.ts";
import { givenFor, readFlag } from "../operation/run-operation-command.ts";
import { operationJson, showResult, startedJson } from "../operation/show-result.ts";
import { leaveIt } from "../operation/start-operation.ts";
import { runAnywhere, type Session } from "../session.ts";
import { EXIT, UsageError } from "../terminal/exit-codes.ts";
import { givenFields } from "../terminal/flag-values.ts";
import { UpdateTenant } from "./documents.ts";

/** The flags of `tenant update`. */
export interface UpdateFlags {
  readonly slug: string;
  readonly json?: boolean;
  readonly wait: boolean;
}

/** `tenantry tenant update`: an empty text clears a field that can be empty. */
export async function update(command: Command, flags: UpdateFlags): Promise<void> {
  const { slug, json = false } = flags;
  const fields = (Object.values(updateFlags).flat() as OperationFlag[]).map((flag) => [
    flag.field,
    changeOf(flag, givenFor(command, flag)),
  ]);
  const changes = givenFields(Object.fromEntries(fields));
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

/** What the text of a flag changes its field to. @throws UsageError */
function changeOf(flag: OperationFlag, text: unknown): unknown {
  if (text === "" && !flag.required) return null;
  if (flag.type !== "number" || text === undefined) return readFlag(flag, text);
  if (/^\d{1,9}$/.test(String(text))) return Number(text);
  const [name] = flag.flag.split(" ");
  throw new UsageError(`${name} must be a whole number, or an empty text, not '${text}'`);
}
