import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { MailState, TenantBy } from "../../client/generated/graphql.ts";
import { isDomainError } from "../../kernel/domain-error.ts";
import { payloadOf } from "../api/api.ts";
import type { ShownOperation } from "../operation/operations.ts";
import { openKeys, type Session } from "../session.ts";
import { ListMails, RevealOneTimePassword } from "./people-documents.ts";

/** How long the command stays for a mail, when the worker that sends it is the command's own. */
const MAIL_MS = 10_000;
const LOOK_AGAIN_MS = 50;

/** How the first admin of a provisioned tenant gets in, as far as it may be told here. */
export interface AdminAccess {
  readonly firstAdmin: string;
  readonly credential: string | null;
  readonly mail: {
    readonly to: string;
    readonly state: MailState;
    readonly where: string;
  } | null;
  readonly oneTimePassword: {
    readonly email: string;
    readonly value: string;
    /** In ISO 8601. */
    readonly expiresAt: string;
  } | null;
}

/**
 * Finds out how the first admin gets in: reveals the one-time password, which works once, and waits
 * until the mail has left, because it leaves with the command's own worker or not at all.
 *
 * @param asked the email that was asked for: a dry run has no tenant that says it
 */
export async function adminAccess(
  session: Session,
  operation: ShownOperation,
  asked: string | undefined,
): Promise<AdminAccess> {
  const { result, tenant } = operation;
  const known = { firstAdmin: tenant?.adminEmail ?? asked ?? "", credential: null };
  if (result?.__typename !== "ProvisionSummary")
    return { ...known, mail: null, oneTimePassword: null };
  const { credential } = result;
  return {
    ...known,
    credential,
    mail: await mailOf(session, operation),
    oneTimePassword: credential === "ONE_TIME_PASSWORD" ? await reveal(session, operation) : null,
  };
}

async function reveal(
  session: Session,
  { id }: ShownOperation,
): Promise<AdminAccess["oneTimePassword"]> {
  await openKeys(session);
  try {
    const { revealOneTimePassword } = await session.api.execute(RevealOneTimePassword, { id });
    const { email, oneTimePassword: value, expiresAt } = payloadOf(revealOneTimePassword);
    return { email, value, expiresAt };
  } catch (error) {
    if (isDomainError(error, "E_PASSWORD_REVEALED")) return null;
    throw error;
  }
}

/** The mail, which leaves from this machine; over HTTP nothing is waited for. */
async function mailOf(
  { api, local }: Session,
  { tenant, slug }: ShownOperation,
): Promise<AdminAccess["mail"]> {
  if (local === null || tenant?.adminEmail == null) return null;
  const { smtpUrl, dataDir } = local.platform.config;
  const where = smtpUrl === undefined ? join(dataDir, "mail") : new URL(smtpUrl).host;
  const deadline = Date.now() + MAIL_MS;
  for (;;) {
    const { tenant: found } = await api.execute(ListMails, { by: { slug } as TenantBy });
    const mailed = [...(found?.invitations?.nodes ?? []), ...(found?.members?.nodes ?? [])];
    const own = mailed.filter(({ identity }) => identity.email === tenant.adminEmail);
    const mail = own.find((each) => each.mail !== null)?.mail ?? null;
    if (mail?.state !== "PENDING" || mail.problem !== null || Date.now() > deadline)
      return mail && { to: tenant.adminEmail, state: mail.state, where };
    await pause(LOOK_AGAIN_MS);
  }
}

/** The first admin's way in, as lines of the summary. */
export function accessFields({
  firstAdmin,
  credential,
  mail,
  oneTimePassword,
}: AdminAccess): [string, string][] {
  const fields: [string, string][] = firstAdmin === "" ? [] : [["first admin", firstAdmin]];
  if (mail) {
    const { state, to, where } = mail;
    fields.push(["mail", state === "SENT" ? `sent (${where})` : `to ${to} is ${state}`]);
  }
  if (oneTimePassword) {
    const { value, expiresAt } = oneTimePassword;
    fields.push(["one-time password", `${value}  (shown once, expires ${expiresAt})`]);
  } else if (credential === "ONE_TIME_PASSWORD" && !mail) {
    fields.push(["one-time password", "was shown already, or has expired"]);
  }
  return fields;
}
