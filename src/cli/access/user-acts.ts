import type { EntityManager } from "../../database/orm.ts";
import type { Actor } from "../../iam/actor.ts";
import { authorize } from "../../iam/grants.ts";
import { ROLES } from "../../iam/roles.ts";
import {
  disablePlatformUser,
  enablePlatformUser,
  resetPlatformUserPassword,
  setPlatformUserRole,
  signOutPlatformUser,
} from "../../iam/users/administer-users.ts";
import { listPlatformUsers, type UserFilter } from "../../iam/users/list-users.ts";
import { createPlatformUser, type PlatformUserPorts } from "../../iam/users/platform-users.ts";
import { nameOf, type UserKey, type UserView, viewOf } from "../../iam/users/users.ts";
import { type PlatformSession, runOnPlatform } from "../session.ts";
import { EXIT, UsageError } from "../terminal/exit-codes.ts";
import { firstRows } from "../terminal/first-rows.ts";
import { limitOf, oneOf } from "../terminal/flag-values.ts";
import { passwordFromPipe } from "../terminal/password-input.ts";
import { writeTable } from "../terminal/table.ts";

/** The flags of `user disable`, `enable`, `reset-password` and `sign-out`. */
export interface UserFlags {
  readonly email?: string;
  readonly id?: string;
  /** Of `user disable`: the service tokens that the user has made end, too. */
  readonly revokeTokens?: boolean;
  readonly json?: boolean;
}

/** The flags of `user set-role`. */
export interface RoleFlags extends UserFlags {
  readonly email: string;
  readonly role: string;
}

/** The flags of `user create`. */
export interface CreateFlags extends RoleFlags {
  readonly name: string;
  readonly passwordStdin?: boolean;
}

/** The flags of `user list`. */
export interface ListFlags {
  readonly role?: string;
  readonly disabled?: boolean;
  readonly text?: string;
  readonly limit: string;
  readonly json?: boolean;
}

/** `tenantry user create`. */
export async function createUser(flags: CreateFlags): Promise<void> {
  const { email, name } = flags;
  const role = oneOf("--role", flags.role, ROLES);
  const password = flags.passwordStdin ? await passwordFromPipe() : undefined;
  return await act(flags, "was created", (ports, actor) =>
    createPlatformUser(ports, actor, { email, name, role, password }),
  );
}

/** `tenantry user set-role`. */
export async function setRole(flags: RoleFlags): Promise<void> {
  const role = oneOf("--role", flags.role, ROLES);
  return await act(flags, "has its role", async (ports, actor) => ({
    user: await setPlatformUserRole(ports, actor, flags, role),
  }));
}

/** What the commands without more flags do, and how that is told. */
const CHANGES = {
  disable: ["is disabled", withoutPassword(disableUser)],
  enable: ["is enabled", withoutPassword(enablePlatformUser)],
  "reset-password": ["has a one-time password", resetPlatformUserPassword],
  "sign-out": ["is signed out everywhere", withoutPassword(signOutPlatformUser)],
} as const satisfies Record<string, readonly [told: string, Change]>;

/** `tenantry user disable`, `enable`, `reset-password` and `sign-out`. */
export async function changeUser(name: keyof typeof CHANGES, flags: UserFlags): Promise<void> {
  const [told, change] = CHANGES[name];
  const key = keyOf(flags);
  return await act(flags, told, (ports, actor) => change(ports, actor, key, flags));
}

function keyOf({ email, id }: UserFlags): UserKey {
  if (id !== undefined) return { id };
  if (email !== undefined) return { email };
  throw new UsageError("Name the user: --email or --id");
}

interface Changed {
  readonly user: UserView;
  readonly oneTimePassword?: string | null;
}

type Change = (
  ...args: [ports: PlatformUserPorts, actor: Actor, key: UserKey, flags: UserFlags]
) => Promise<Changed>;

function disableUser(...[ports, actor, key, flags]: Parameters<Change>): Promise<UserView> {
  return disablePlatformUser(ports, actor, key, { revokeServiceTokens: flags.revokeTokens });
}

function withoutPassword(change: (...args: Parameters<Change>) => Promise<UserView>): Change {
  return async (...args) => ({ user: await change(...args) });
}

async function act(
  flags: UserFlags,
  told: string,
  work: (ports: PlatformUserPorts, actor: Actor) => Promise<Changed>,
): Promise<void> {
  return await runOnPlatform(flags, async ({ platform, actor, out }) => {
    authorize(actor, "platform-user:write");
    const ports = { em: platform.orm.em, clock: platform.clock };
    const { user, oneTimePassword = null } = await work(ports, actor);
    if (flags.json) out.json({ type: "RESULT", ...user, oneTimePassword });
    else {
      out.line(`${out.style("green", "✔")} ${user.email}, ${user.role}, ${told}`);
      if (oneTimePassword !== null) tellOneTimePassword(out, oneTimePassword);
    }
    return EXIT.ok;
  });
}

/** Shows a one-time password, and what is to be known of it. */
export function tellOneTimePassword(out: PlatformSession["out"], oneTimePassword: string): void {
  out.line(`  one-time password  ${oneTimePassword}`);
  out.line("  It is shown once, expires in 72 hours, and is to be changed at the first sign-in.");
}

/** `tenantry user list`: the newest users first. */
export async function listUsers(flags: ListFlags): Promise<void> {
  const limit = limitOf(flags.limit);
  const filter = filterOf(flags);
  return await runOnPlatform(flags, async ({ platform, actor, out }) => {
    authorize(actor, "platform-user:read");
    const em = platform.orm.em.fork() as EntityManager;
    const { rows, more } = await firstRows(limit, (page) => listPlatformUsers(em, filter, page));
    if (flags.json) for (const user of rows) out.json(viewOf(user));
    else if (rows.length === 0) out.note("No platform users.");
    else writeTable(out, ["EMAIL", "ROLE", "STATE", "CREATED", "NAME"], rows.map(rowOf));
    if (more) out.note(`There are more than ${limit}: raise --limit, or filter.`);
    return EXIT.ok;
  });
}

const filterOf = ({ role, disabled, text }: ListFlags): UserFilter => ({
  ...(role === undefined ? {} : { role: oneOf("--role", role, ROLES) }),
  ...(disabled ? { disabled } : {}),
  ...(text === undefined ? {} : { text }),
});

const rowOf = (user: UserView): string[] => [
  nameOf(user),
  user.role,
  stateOf(user),
  user.createdAt.toISOString().slice(0, 16).replace("T", " "),
  user.name,
];

function stateOf({ disabledAt, mustChangePassword }: UserView): string {
  if (disabledAt !== null) return "disabled";
  return mustChangePassword ? "one-time password" : "enabled";
}
