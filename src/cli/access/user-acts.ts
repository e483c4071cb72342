import type {
  CommandRefusalFragment,
  CommandUserFragment,
  TypedDocumentString,
} from "../../client/generated/graphql.ts";
import { ROLES } from "../../iam/roles.ts";
import { nameOf } from "../../iam/users/user-view.ts";
import { DomainError } from "../../kernel/domain-error.ts";
import { firstNodes, type Page, payloadOf } from "../api/api.ts";
import { runAnywhere, type Session } from "../session.ts";
import { EXIT, UsageError } from "../terminal/exit-codes.ts";
import { type LimitFlags, limitOf, oneOf } from "../terminal/flag-values.ts";
import { passwordFromPipe } from "../terminal/password-input.ts";
import { AGAIN } from "../terminal/run-flags.ts";
import { minuteOf, writeTable } from "../terminal/table.ts";
import {
  CreateUser,
  DisableUser,
  EnableUser,
  FindUser,
  ListUsers,
  ResetUserPassword,
  SetUserRole,
  SignOutUser,
} from "./documents.ts";

/** The flags of `user disable`, `enable`, `reset-password` and `sign-out`. */
export interface UserFlags {
  readonly email?: string;
  readonly id?: string;
  /** Of `user disable`: the service tokens that the user has made end, too. */
  readonly revokeTokens?: boolean;
  /** Of `user create` and `reset-password`. */
  readonly idempotencyKey?: string;
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
export interface ListFlags extends LimitFlags {
  readonly role?: string;
  readonly disabled?: boolean;
  readonly text?: string;
}

/** `tenantry user create`. */
export async function createUser(flags: CreateFlags): Promise<void> {
  const { email, name, idempotencyKey = null } = flags;
  const role = oneOf("--role", flags.role, ROLES);
  const password = flags.passwordStdin ? await passwordFromPipe() : null;
  const input = { email, name, role, password, idempotencyKey };
  return await change(flags, [CreateUser, "was created"], async () => input);
}

/** `tenantry user set-role`. */
export async function setRole(flags: RoleFlags): Promise<void> {
  const role = oneOf("--role", flags.role, ROLES);
  return await change(flags, [SetUserRole, "has its role"], async (session) => ({
    userId: await idOf(session, flags),
    role,
  }));
}

/** The mutations of the commands without more flags, and how what they did is told. */
const CHANGES = {
  disable: [DisableUser, "is disabled"],
  enable: [EnableUser, "is enabled"],
  "reset-password": [ResetUserPassword, "has a one-time password"],
  "sign-out": [SignOutUser, "is signed out everywhere"],
} as const;

/** `tenantry user disable`, `enable`, `reset-password` and `sign-out`. */
export async function changeUser(name: keyof typeof CHANGES, flags: UserFlags): Promise<void> {
  const { email, id, revokeTokens, idempotencyKey } = flags;
  if ((email ?? id) === undefined) throw new UsageError("Name the user: --email or --id");
  const more = {
    ...(revokeTokens ? { revokeServiceTokens: true } : {}),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  };
  return await change(flags, CHANGES[name], async (session) => ({
    userId: await idOf(session, flags),
    ...more,
  }));
}

/** @throws DomainError E_PLATFORM_USER_NOT_FOUND */
async function idOf({ api }: Session, { email = "", id }: UserFlags): Promise<string> {
  if (id !== undefined) return id;
  const { platformUser } = await api.execute(FindUser, { email });
  if (platformUser) return platformUser.id;
  throw new DomainError("E_PLATFORM_USER_NOT_FOUND");
}

interface Changed {
  readonly user: CommandUserFragment;
  readonly oneTimePassword?: string | null;
  /** Of those that take an idempotency key. */
  readonly replayed?: boolean;
}

type Change<Input> = readonly [
  document: TypedDocumentString<
    { readonly changed: Changed | CommandRefusalFragment },
    { input: Input }
  >,
  told: string,
];

/** Runs a mutation that changes one user. */
async function change<Input>(
  flags: UserFlags,
  [document, told]: Change<Input>,
  inputOf: (session: Session) => Promise<Input>,
): Promise<void> {
  return await runAnywhere(flags, async (session) => {
    const { api, out } = session;
    const { changed } = await api.execute(document, { input: await inputOf(session) });
    const { user, oneTimePassword = null, replayed } = payloadOf(changed);
    if (flags.json) out.json({ type: "RESULT", ...user, oneTimePassword, replayed });
    else {
      const again = replayed ? AGAIN : "";
      out.line(`${out.style("green", "✔")} ${user.email}, ${user.role}, ${told}${again}`);
      if (oneTimePassword !== null) tellOneTimePassword(out, oneTimePassword);
    }
    return EXIT.ok;
  });
}

/** Shows a one-time password, and what is to be known of it. */
export function tellOneTimePassword(out: Session["out"], oneTimePassword: string): void {
  out.line(`  one-time password  ${oneTimePassword}`);
  out.line("  It is shown once, expires in 72 hours, and is to be changed at the first sign-in.");
}

/** `tenantry user list`: the newest users first. */
export async function listUsers(flags: ListFlags): Promise<void> {
  const limit = limitOf(flags);
  const filter = filterOf(flags);
  return await runAnywhere(flags, async ({ api, out }) => {
    const read = async (page: Page) =>
      (await api.execute(ListUsers, { filter, ...page })).platformUsers;
    const { nodes, more } = await firstNodes(limit, read, flags.json ? out.json : undefined);
    if (nodes.length === 0 && !flags.json) out.note("No platform users.");
    else if (!flags.json)
      writeTable(out, ["EMAIL", "ROLE", "STATE", "CREATED", "NAME"], nodes.map(rowOf));
    if (more) out.note(`There are more than ${limit}: raise --limit, or filter.`);
    return EXIT.ok;
  });
}

const filterOf = ({ role, disabled, text }: ListFlags) => ({
  ...(role === undefined ? {} : { role: oneOf("--role", role, ROLES) }),
  ...(disabled ? { disabled } : {}),
  ...(text === undefined ? {} : { text }),
});

const rowOf = (user: CommandUserFragment): string[] => [
  ...[nameOf(user), user.role, stateOf(user), minuteOf(user.createdAt), user.name],
];

function stateOf({ disabledAt, mustChangePassword }: CommandUserFragment): string {
  if (disabledAt !== null) return "disabled";
  return mustChangePassword ? "one-time password" : "enabled";
}
