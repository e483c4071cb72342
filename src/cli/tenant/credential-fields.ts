import { z } from "zod";
import { by, row, type Teller } from "../terminal/teller.ts";

const Rotation = z.object({
  from: z.string().nullable(),
  to: z.string().nullable(),
  secretVersion: z.string().nullable(),
  oldLoginOpenUntil: z.string().nullable(),
});
const Retirement = z.object({
  closedRole: z.string().nullable(),
  sessionsEnded: z.number().nullable(),
});

const Limits = z.object({
  roles: z.array(z.string()),
  connectionLimit: z.number().nullish(),
  statementTimeoutSeconds: z.number().nullish(),
  idleInTransactionTimeoutSeconds: z.number().nullish(),
});

/** How the results of operations on tenants' credentials are told. */
export const CREDENTIAL_TELLERS: Readonly<Record<string, Teller>> = {
  ROTATE_CREDENTIALS: by(Rotation, ({ from, to, secretVersion, oldLoginOpenUntil }) => [
    ...row("new login", to),
    ...row("secret version", secretVersion),
    ...row(
      "old login",
      from && `${from}${oldLoginOpenUntil ? `, open until ${oldLoginOpenUntil}` : ""}`,
    ),
  ]),
  RETIRE_CREDENTIALS: by(Retirement, ({ closedRole, sessionsEnded }) => [
    ["closed", closedRole ?? "nothing: no old login was open"],
    ...row("sessions ended", sessionsEnded === null ? null : String(sessionsEnded)),
  ]),
  SET_LIMITS: by(Limits, ({ roles, ...limits }) => [
    ["logins", roles.join(", ") || "none"],
    ...row("connections", limits.connectionLimit?.toString()),
    ...row("statements", secondsOf(limits.statementTimeoutSeconds)),
    ...row("idle in transaction", secondsOf(limits.idleInTransactionTimeoutSeconds)),
  ]),
};

/** A timeout in words. */
export const secondsOf = (seconds: number | null | undefined): string | null => {
  if (seconds === null || seconds === undefined) return null;
  return seconds === 0 ? "without a timeout" : `${seconds} s`;
};
