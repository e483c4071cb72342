import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { authorize } from "../../iam/grants.ts";
import { InvitationEntity } from "../../invitations/invitation.entity.ts";
import { MembershipEntity } from "../../invitations/membership.entity.ts";
import { revealOneTimePassword } from "../../invitations/one-time-password.ts";
import { isDomainError } from "../../kernel/domain-error.ts";
import { type Mail, MailEntity } from "../../mail/mail.entity.ts";
import type { Platform } from "../../platform.ts";
import type { ShownOperation } from "../backend.ts";
import type { PlatformSession } from "../session.ts";

/** How long the command stays for a mail, when the worker that sends it is the command's own. */
const MAIL_MS = 10_000;
const LOOK_AGAIN_MS = 50;

/** How the first admin of a provisioned tenant gets in, as far as it may be told here. */
export interface AdminAccess {
  readonly firstAdmin: string;
  readonly credential: string;
  readonly mail: {
    readonly to: string;
    readonly state: Mail["state"];
    readonly where: string;
  } | null;
  readonly oneTimePassword: {
    readonly email: string;
    readonly value: string;
    readonly expiresAt: Date;
  } | null;
}

type Actors = Pick<PlatformSession, "platform" | "actor">;

/**
 * Finds out how the first admin gets in: reveals the one-time password, which works once, and waits
 * until the mail has left, because it leaves with the command's own worker or not at all.
 */
export async function adminAccess(
  session: Actors,
  operation: ShownOperation,
): Promise<AdminAccess> {
  const { adminEmail, adminCredential } = operation.input;
  const asked = { firstAdmin: String(adminEmail), credential: String(adminCredential) };
  if (operation.dryRun || operation.state !== "SUCCEEDED")
    return { ...asked, mail: null, oneTimePassword: null };
  return {
    ...asked,
    mail: await mailOf(session.platform, operation),
    oneTimePassword: await reveal(session, operation),
  };
}

async function reveal(
  { platform, actor }: Actors,
  operation: ShownOperation,
): Promise<AdminAccess["oneTimePassword"]> {
  if (operation.input.adminCredential !== "ONE_TIME_PASSWORD") return null;
  authorize(actor, "invitation:reveal");
  await platform.openKeys();
  const { credentials, clock, orm } = platform;
  const startedBy = { kind: operation.actorKind as typeof actor.kind, id: operation.actorId };
  try {
    const revealed = await revealOneTimePassword({ em: orm.em, credentials, clock }, actor, {
      operationId: operation.id,
      startedBy,
    });
    return {
      email: revealed.email,
      value: revealed.oneTimePassword,
      expiresAt: revealed.expiresAt,
    };
  } catch (error) {
    if (isDomainError(error, "E_PASSWORD_REVEALED")) return null;
    throw error;
  }
}

async function mailOf(platform: Platform, { id }: ShownOperation): Promise<AdminAccess["mail"]> {
  const em = platform.orm.em.fork();
  const made = [
    ...(await em.find(InvitationEntity, { operationId: id })),
    ...(await em.find(MembershipEntity, { operationId: id })),
  ];
  const where = { subjectId: { $in: made.map((row) => row.id) } };
  const deadline = Date.now() + MAIL_MS;
  let mail = await em.findOne(MailEntity, where);
  while (mail?.state === "PENDING" && !mail.lastError && Date.now() < deadline) {
    await pause(LOOK_AGAIN_MS);
    mail = await em.findOne(MailEntity, where, { refresh: true });
  }
  if (!mail) return null;
  const { smtpUrl, dataDir } = platform.config;
  const to = smtpUrl === undefined ? join(dataDir, "mail") : new URL(smtpUrl).host;
  return { to: mail.recipient, state: mail.state, where: to };
}

/** The first admin's way in, as lines of the summary. */
export function accessFields({
  firstAdmin,
  credential,
  mail,
  oneTimePassword,
}: AdminAccess): [string, string][] {
  const fields: [string, string][] = [["first admin", firstAdmin]];
  if (mail) {
    const { state, to, where } = mail;
    fields.push(["mail", state === "SENT" ? `sent (${where})` : `to ${to} is ${state}`]);
  }
  if (oneTimePassword) {
    const { value, expiresAt } = oneTimePassword;
    fields.push([
      "one-time password",
      `${value}  (shown once, expires ${expiresAt.toISOString()})`,
    ]);
  } else if (credential === "ONE_TIME_PASSWORD" && !mail) {
    fields.push(["one-time password", "was shown already, or has expired"]);
  }
  return fields;
}
