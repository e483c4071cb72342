/** What a caller sees of an error code: the text, whether asking again can help, and what to do. */
interface PublicError {
  /** Used when the place that raises the error has nothing more exact to say. */
  readonly text: string;
  /** Whether the same request can succeed later without being changed. */
  readonly retryable: boolean;
  /** The next thing to do, written for an operator. */
  readonly nextAction: string;
}

const final = (text: string, nextAction: string): PublicError => ({
  text,
  retryable: false,
  nextAction,
});
const passing = (text: string, nextAction: string): PublicError => ({
  text,
  retryable: true,
  nextAction,
});

/** The closed list of error codes, each with its public face. */
export const ERROR_CODES = {
  E_INVALID_SLUG: final(
    "The slug is not valid.",
    "Use 3 to 40 lower-case letters, digits and single hyphens, beginning with a letter.",
  ),
  E_RESERVED_SLUG: final("The slug is reserved.", "Choose another slug."),
  E_VALIDATION: final("The input is not valid.", "Mend what is named, and send it again."),
  E_VERSION_STALE: final(
    "It has changed since the version that the change was made of.",
    "Read it again, and make the change of what is there now.",
  ),
  E_PLAN_STALE: final(
    "The plan is not what would be made now.",
    "Plan it again with `dryRun`, look at it, and send its `planHash`.",
  ),
  E_ALREADY_PROVISIONED: final(
    "A tenant with this slug exists already.",
    "Choose another slug, or work with the tenant that exists: `tenant` shows it.",
  ),
  E_PARTIAL_STATE: final(
    "Something of this tenant's name exists that no tenant explains.",
    "Remove or rename the named object by hand, then take a failed operation up with `retryOperation`.",
  ),
  E_OWNER_EXISTS: final(
    "An identity with this email exists already.",
    "Set `allowExistingUser` to link it to the tenant, or name another email.",
  ),
  E_NO_CAPACITY: passing(
    "no eligible db_server",
    "Add a db server with `registerDbServer`, or raise the `capacityHint` of one with `updateDbServer`.",
  ),
  E_DB_SERVER_NOT_FOUND: final(
    "The db server was not found.",
    "List the db servers with `dbServers`, and name one of them.",
  ),
  E_DB_SERVER_EXISTS: final(
    "A db server with this name or address exists already.",
    "Choose another name, or change the db server that exists with `updateDbServer`.",
  ),
  E_ADMIN_CONN_UNRESOLVED: passing(
    "The db server cannot be reached with its admin secret.",
    "Check the server, and the secret that its `adminSecretRef` names.",
  ),
  E_MIGRATIONS_FAILED: final(
    "A tenant migration failed.",
    "Mend the named migration file, then take the operation up with `retryOperation`.",
  ),
  E_MIGRATION_FOLDER: final(
    "The migration folder cannot be taken as it is.",
    "Mend the named files or settings, all of which `migrationCheck` shows, then take a failed operation up with `retryOperation`.",
  ),
  E_ISOLATION_REQUIRED: final(
    "The migration folder needs a database for each tenant.",
    "Provision the tenant with `isolation` DATABASE.",
  ),
  E_MIGRATION_UNSAFE: final(
    "A migration file holds a statement that may not run in a tenant schema.",
    "Mend the named statement, then take a failed operation up with `retryOperation`.",
  ),
  E_MIGRATION_DRIFT: final(
    "The applied migrations are not those of the migration folder.",
    "Restore the named files as they were applied and put changes into new ones, or let them count as they are with `acceptMigration`, as an administrator; what comes too late is applied by `migrateTenant` with `allowOutOfOrder`.",
  ),
  E_NOTHING_TO_ACCEPT: final(
    "There is nothing to accept of this migration.",
    "Name a migration that `tenantHealth` or `migrateTenant` with `dryRun` tells as changed or missing.",
  ),
  E_SEEDS_FAILED: final(
    "A seed set failed.",
    "Mend the named seed file, then take the operation up with `retryOperation`.",
  ),
  E_SEED_SET_NOT_FOUND: final(
    "The seed set was not found.",
    "Name one of the sets in the seed folder.",
  ),
  E_TENANT_NOT_FOUND: final(
    "The tenant was not found.",
    "Check the slug or the id; `tenants` lists those that there are.",
  ),
  E_TENANT_NOT_ACTIVE: final(
    "The tenant is not active.",
    "Look at the tenant's status with `tenant`.",
  ),
  E_TENANT_NOT_READY: passing(
    "The tenant does not pass its readiness checks.",
    "Mend what the failed checks name, and send it again.",
  ),
  E_TENANT_STATUS: final(
    "The tenant's status does not allow this.",
    "Look at the tenant's status with `tenant`.",
  ),
  E_TENANT_LOCKED: final(
    "The tenant is locked against deletion.",
    "Unlock the tenant first with `unlockTenant`, if it is really to go.",
  ),
  E_RETENTION_RUNNING: final(
    "The tenant's retention window has not ended.",
    "Wait for its end, or purge at once with `immediately` and a `reason`, as an administrator.",
  ),
  E_GRACE_RUNNING: passing(
    "The login before the last rotation is still open.",
    "Wait until it closes, or close it first with `endGrace`.",
  ),
  E_CONFIRMATION_REQUIRED: final(
    "This asks to be confirmed.",
    "Send it again with `confirm`, if it is really wanted.",
  ),
  E_LABORATORY_EXISTS: final(
    "The organization has a laboratory of this name already.",
    "Choose another name.",
  ),
  E_ORGANIZATION_AMBIGUOUS: final(
    "The tenant has several organizations.",
    "Select one with `setupName`.",
  ),
  E_ORGANIZATION_NOT_FOUND: final(
    "The tenant has no such organization.",
    "Name the `setupName` of one of its organizations.",
  ),
  E_NO_LABORATORIES: final(
    "The tenant's schema has no laboratories.",
    "Leave it out: this schema does not know laboratories.",
  ),
  E_OPERATION_IN_PROGRESS: passing(
    "Another operation of this tenant is running.",
    "Wait for the running operation, or cancel it with `cancelOperation`.",
  ),
  E_OPERATION_NOT_FOUND: final(
    "The operation was not found.",
    "Check the operation's id; `operations` lists those that there are.",
  ),
  E_OPERATION_LOST: passing(
    "The durable engine lost the operation, and what it made may remain.",
    "Take it up again by `retryOperation`: each phase goes on with what is there.",
  ),
  E_NOT_RETRYABLE: final(
    "The operation cannot be retried.",
    "Only the newest failed or cancelled operation of a tenant can be retried; `operations` lists them.",
  ),
  E_NOT_CANCELLABLE: final(
    "The operation cannot be cancelled.",
    "Look how it ended with `operation`.",
  ),
  E_CANCELLED: final(
    "The operation was cancelled.",
    "Take it up again with `retryOperation`, if it is wanted after all.",
  ),
  E_IDEMPOTENCY_KEY_REUSED: final(
    "This idempotency key was used with another input.",
    "Send the first input again, or choose a new key.",
  ),
  E_INVALID_CURSOR: final(
    "The cursor is not valid.",
    "Use a cursor that this API answered for this list.",
  ),
  E_UNSUPPORTED: final("This is not supported yet.", "Leave the option out."),
  E_SECRET_STORE: passing(
    "The secret store did not answer as expected.",
    "Check the secret store and its permissions, then try again.",
  ),
  PROVISIONING_UNAVAILABLE: passing(
    "Provisioning is unavailable: no secret store can be used.",
    "Configure the secret store.",
  ),
  E_INVITATION_INVALID: final(
    "The invitation is not valid: unknown, used, revoked or expired.",
    "Ask for a new invitation.",
  ),
  E_PASSWORD_RESET_INVALID: final(
    "The link to a new password is not valid: unknown, used, replaced or expired.",
    "Ask for another link.",
  ),
  E_INVITATION_NOT_FOUND: final(
    "The invitation was not found.",
    "List the tenant's `invitations`.",
  ),
  E_INVITATION_CLOSED: final(
    "The invitation was accepted or revoked already.",
    "Look at the tenant's `invitations` and `members`.",
  ),
  E_MEMBER_EXISTS: final(
    "This person belongs to the tenant already.",
    "Send the open invitation again with `resendInvitation`, or take the person out first with `removeMembership`.",
  ),
  E_MEMBERSHIP_NOT_FOUND: final("The membership was not found.", "List the tenant's `members`."),
  E_PASSWORD_REVEALED: final(
    "There is no one-time password to reveal: it was shown already, replaced or never made.",
    "Send the person a link instead, with `resendInvitation`.",
  ),
  E_WEAK_PASSWORD: final(
    "The password is too weak.",
    "Use at least 12 characters that are not a known password.",
  ),
  E_PASSWORD_CHANGE_REQUIRED: final(
    "The password must be changed before anything else.",
    "Change the password, then sign in again.",
  ),
  E_SIGN_IN_FAILED: final("The email or the password is wrong.", "Check both and try again."),
  E_PLATFORM_USER_NOT_FOUND: final(
    "The platform user was not found.",
    "List the platform users with `platformUsers`, and name one of them.",
  ),
  E_PLATFORM_USER_EXISTS: final(
    "A platform user with this email exists already.",
    "Name another email, or work with the user that exists.",
  ),
  E_OWN_ACCOUNT: final(
    "Nobody takes away their own access: the account is yours.",
    "Ask another administrator; to have another password, change it with the present one.",
  ),
  E_NO_SESSIONS: final(
    "Only a platform user has sessions: a service token has none to end.",
    "Revoke the service token with `revokeServiceToken`, as an administrator.",
  ),
  E_EXTERNAL_USER: final(
    "The user comes by single sign-on: role and password are the issuer's.",
    "Change them at the issuer; to shut the user out here, use `disablePlatformUser`.",
  ),
  E_LAST_ADMINISTRATOR: final(
    "This is the last administrator who can sign in.",
    "Make somebody else an administrator first, with `setPlatformUserRole`.",
  ),
  E_UNAUTHENTICATED: final(
    "You are not signed in, or your token is not valid.",
    "Sign in and send the access token.",
  ),
  E_FORBIDDEN: final("Your role does not allow this.", "Ask an administrator."),
  E_SERVICE_TOKEN_NOT_FOUND: final(
    "The service token was not found.",
    "List the service tokens with `serviceTokens`, and name the id of one of them.",
  ),
  E_RATE_LIMITED: passing(
    "Too many requests.",
    "Wait for the time that is named, then send it again.",
  ),
  E_QUERY_TOO_COMPLEX: final(
    "The query asks for too much at once.",
    "Ask for fewer fields, levels or rows.",
  ),
  E_DATABASE_REFUSED: passing(
    "PostgreSQL refused what was asked of it.",
    "Read what PostgreSQL said, mend the state that it names, then take the operation up again by `retryOperation`.",
  ),
  E_UNAVAILABLE: passing(
    "A part of the service does not answer at the moment.",
    "Try again in a moment.",
  ),
  E_HISTORY_LOST: passing(
    "The platform database has lost what happened lately, so that nobody can be let in.",
    "Have an administrator look at what was lost, by `tenantHealth`, and accept it on the service's machine, as docs/replication.md has it.",
  ),
  E_INTERNAL: passing(
    "Something unexpected went wrong.",
    "Try again; if it stays, look for the error id in the log.",
  ),
} as const satisfies Record<string, PublicError>;

export type ErrorCode = keyof typeof ERROR_CODES;
