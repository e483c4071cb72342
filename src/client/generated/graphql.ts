/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
/** An invitation, and the password to sign in with from now on. */
export type AcceptInvitationInput = {
  /** 12 to 128 characters, not a known password, not built from the email address. For whoever has a password already, that password. */
  newPassword: string;
  /** The token in the invitation's link. */
  token: string;
};

/** What kind of actor acts. */
export type ActorKind =
  /** Nobody known, in the audit trail only: a try to sign in to an account that does not exist, or somebody who asks for another password. */
  | 'ANONYMOUS'
  /** A user of a tenant: in the audit trail only. */
  | 'IDENTITY'
  /** Somebody at the machine, with the break-glass command. */
  | 'OS_USER'
  /** A script with a service token. */
  | 'SERVICE_TOKEN'
  /** Tenantry itself. */
  | 'SYSTEM'
  /** A platform user. */
  | 'USER';

/** How the first administrator is to get in. */
export type AdminCredential =
  /** By the link in an email, which asks for a password. */
  | 'INVITATION'
  /** With a one-time password, which whoever asked for the tenant reveals once and hands over. */
  | 'ONE_TIME_PASSWORD';

/** What an audit event tells. `docs/audit.md` has what writes which. */
export type AuditEventType =
  /** Somebody was refused what their role does not allow. */
  | 'ACCESS_REFUSED'
  /** A db server was added. */
  | 'DB_SERVER_REGISTERED'
  /** A db server was set to take new tenants, or not to. */
  | 'DB_SERVER_STATUS_SET'
  /** A db server was changed. */
  | 'DB_SERVER_UPDATED'
  /** Somebody came by single sign-on for the first time. */
  | 'EXTERNAL_USER_ADDED'
  /** Somebody's newer token of single sign-on says otherwise. */
  | 'EXTERNAL_USER_FOLLOWED'
  /** Somebody accepted an invitation to a tenant. */
  | 'INVITATION_ACCEPTED'
  /** An invitation was sent again, with a new link. */
  | 'INVITATION_RESENT'
  /** An invitation was taken back. */
  | 'INVITATION_REVOKED'
  /** An invitation to a tenant was sent. */
  | 'INVITATION_SENT'
  /** A laboratory was added to a tenant. */
  | 'LABORATORY_ADDED'
  /** A person became a member of a tenant. */
  | 'MEMBERSHIP_ADDED'
  /** A person was taken out of a tenant. */
  | 'MEMBERSHIP_REMOVED'
  /** What a tenant's ledger says of one migration was made to follow the migration folder. */
  | 'MIGRATION_ACCEPTED'
  /** Migrations were allowed to be applied although later ones had been. */
  | 'MIGRATION_ORDER_WAIVED'
  /** A one-time password was shown, once. */
  | 'ONE_TIME_PASSWORD_REVEALED'
  /** A tenant's user was given a one-time password. */
  | 'ONE_TIME_PASSWORD_SET'
  /** Somebody asked a running operation to stop. */
  | 'OPERATION_CANCEL_REQUESTED'
  /** Somebody took a failed operation up again. */
  | 'OPERATION_RETRIED'
  /** Somebody changed their password. */
  | 'PASSWORD_CHANGED'
  /** A tenant's user chose a new password by the link in a mail. */
  | 'PASSWORD_RESET'
  /** Somebody asked to be sent a link to a new password for a tenant's user. */
  | 'PASSWORD_RESET_REQUESTED'
  /** An administrator accepted what the platform database has lost. */
  | 'PLATFORM_LOSS_ACCEPTED'
  /** The platform database turned out to have lost something, as after a failover to a standby that lagged. */
  | 'PLATFORM_LOSS_NOTICED'
  /** A platform user was made. */
  | 'PLATFORM_USER_CREATED'
  /** A platform user was shut out. */
  | 'PLATFORM_USER_DISABLED'
  /** A disabled platform user may sign in again. */
  | 'PLATFORM_USER_ENABLED'
  /** A platform user's password was replaced by a one-time password. */
  | 'PLATFORM_USER_PASSWORD_RESET'
  /** The break-glass command gave an existing platform user a new password and the administrator role. */
  | 'PLATFORM_USER_RESTORED'
  /** A platform user was given another role. */
  | 'PLATFORM_USER_ROLE_SET'
  /** A platform user was signed out everywhere, by itself or by an administrator. */
  | 'PLATFORM_USER_SIGNED_OUT'
  /** A refresh token was sent twice, which ended its session. */
  | 'REFRESH_TOKEN_REUSED'
  /** A token for a script was made. */
  | 'SERVICE_TOKEN_CREATED'
  /** A token for a script was revoked. */
  | 'SERVICE_TOKEN_REVOKED'
  /** Somebody signed in. */
  | 'SIGNED_IN'
  /** Somebody ended a session. */
  | 'SIGNED_OUT'
  /** The private half of a retired signing key was removed. */
  | 'SIGNING_KEY_PURGED'
  /** A new key was made to sign access tokens with. */
  | 'SIGNING_KEY_ROTATED'
  /** Somebody tried to sign in and was refused. */
  | 'SIGN_IN_FAILED'
  /** The first try that was refused, unseen, in a wait after too many failures. */
  | 'SIGN_IN_LIMITED'
  /** The snapshots of a tenant's records were taken again. */
  | 'SNAPSHOTS_REFRESHED'
  /** A tenant became active, checked or forced. */
  | 'TENANT_ACTIVATED'
  /** A tenant whose provisioning failed was cleared away. */
  | 'TENANT_CLEANED_UP'
  /** The login before the last rotation was closed. */
  | 'TENANT_CREDENTIALS_RETIRED'
  /** The login of a tenant's application was shown, with its password. */
  | 'TENANT_CREDENTIALS_REVEALED'
  /** A tenant's application got a new login. */
  | 'TENANT_CREDENTIALS_ROTATED'
  /** Somebody tried to delete a locked tenant. */
  | 'TENANT_DELETION_REFUSED'
  /** A tenant was locked against deletion. */
  | 'TENANT_LOCKED'
  /** A tenant was taken out of use for good. */
  | 'TENANT_OFFBOARDED'
  /** An operation on a tenant ended, well or badly. */
  | 'TENANT_OPERATION_ENDED'
  /** Somebody asked for an operation on a tenant. */
  | 'TENANT_OPERATION_REQUESTED'
  /** A new tenant is in use. */
  | 'TENANT_PROVISIONED'
  /** A new tenant could not be made. */
  | 'TENANT_PROVISION_FAILED'
  /** Somebody asked for a new tenant. */
  | 'TENANT_PROVISION_REQUESTED'
  /** Everything that a tenant held was removed. */
  | 'TENANT_PURGED'
  /** A purge passed its point of no return. */
  | 'TENANT_PURGE_BEGUN'
  /** The purge at the end of a retention window was put off: the tenant was locked. */
  | 'TENANT_PURGE_POSTPONED'
  /** Somebody had dropped what bore the mark of a tenant that the registry does not know. */
  | 'TENANT_REMAINS_DROPPED'
  /** The doctor mended something of a tenant. */
  | 'TENANT_REPAIRED'
  /** An offboarded tenant was brought back. */
  | 'TENANT_RESTORED'
  /** A suspended tenant was taken into use again. */
  | 'TENANT_RESUMED'
  /** A secret was written late for a tenant that has none any more, and was removed. */
  | 'TENANT_SECRET_REMOVED'
  /** A tenant's secret was written or removed late, and its noted version became the newest again. */
  | 'TENANT_SECRET_RESTORED'
  /** Seed sets were added to a tenant's schema. */
  | 'TENANT_SEEDED'
  /** A tenant was taken out of use for now. */
  | 'TENANT_SUSPENDED'
  /** A tenant that the registry did not know, or knew as failed, was taken back as its db server tells of it. */
  | 'TENANT_TAKEN_BACK'
  /** A tenant's lock against deletion was taken away. */
  | 'TENANT_UNLOCKED'
  /** Name, tier, limits, line of business or support contacts were changed. */
  | 'TENANT_UPDATED';

/** Which audit events. What is left out does not matter. */
export type AuditFilter = {
  /** Those of the actor with this id: see `Actor.id`. */
  actorId?: string | null | undefined;
  /** Those of actors of this kind. */
  actorKind?: ActorKind | null | undefined;
  /** Those of requests from exactly this network address. */
  address?: string | null | undefined;
  /** Those that belong to the operation with this UUID. */
  operationId?: string | null | undefined;
  /** Those from this moment on. */
  since?: string | null | undefined;
  /** Those about tenants with this slug, also one that was purged and had it before. */
  slug?: string | null | undefined;
  /** Those about the tenant with this UUID. */
  tenantId?: string | null | undefined;
  /** Those of one of these types. */
  types?: Array<AuditEventType> | null | undefined;
  /** Those before this moment. */
  until?: string | null | undefined;
};

/** Which failed tenants to clean up, and how far. */
export type CleanupFailedTenantsInput = {
  /** Whether schema or database, roles and secret go, too; otherwise they stay and are told of. */
  dropSchema?: boolean;
  /** Any text of yours of 1 to 255 characters, such as a UUID. It is kept for 30 days: until then, sending it again with the same input does nothing more and gets the first answer, so that a request whose answer was lost can be repeated. Over HTTP the header `Idempotency-Key` does the same. */
  idempotencyKey?: string | null | undefined;
  /** The slug of one tenant; all that are FAILED when left out. */
  slug?: string | null | undefined;
};

/** Who the user is, and what it may do. */
export type CreatePlatformUserInput = {
  /** The email address, of nobody else. */
  email: string;
  /** Any text of yours of 1 to 255 characters, such as a UUID. It is kept for 30 days: until then, sending it again with the same input does nothing more and gets the first answer, so that a request whose answer was lost can be repeated. Over HTTP the header `Idempotency-Key` does the same. */
  idempotencyKey?: string | null | undefined;
  /** The name, for people: 1 to 200 characters. */
  name: string;
  /** 12 to 128 characters, not a known password, not built from the email address. Leave it out, and a one-time password is made. */
  password?: string | null | undefined;
  /** What the user may do. */
  role: Role;
};

/** The service token to make. */
export type CreateServiceTokenInput = {
  /** After how many days it stops letting in, 1 to 366; 90 when left out. A token that is made with a service token does not outlast that one. */
  expiresInDays?: number | null | undefined;
  /** Any text of yours of 1 to 255 characters, such as a UUID. It is kept for 30 days: until then, sending it again with the same input does nothing more and gets the first answer, so that a request whose answer was lost can be repeated. Over HTTP the header `Idempotency-Key` does the same. */
  idempotencyKey?: string | null | undefined;
  /** What it is for, 1 to 100 characters. */
  name: string;
  /** What it may do; no more than you may. */
  role: Role;
};

/** What kind of PostgreSQL a db server is. */
export type DbServerKind =
  /** A Citus cluster, which places and moves tenant schemas between its nodes. Isolation DATABASE is not for it. */
  | 'CITUS'
  /** A single PostgreSQL server. */
  | 'POSTGRES';

/** Something to note of a db server. */
export type DbServerLabelInput = {
  /** What is noted: 1 to 63 characters of a-z, 0-9 and `._/-`. */
  key: string;
  /** The note, 1 to 200 characters. */
  value: string;
};

/** Whether a db server takes new tenants. */
export type DbServerStatus =
  /** Takes new tenants. */
  | 'ACTIVE'
  /** Keeps its tenants and takes no new ones. */
  | 'DRAINING'
  /** Out of use. */
  | 'INACTIVE';

/** How connections to a db server are encrypted. */
export type DbServerTlsMode =
  /** Not at all: for networks that nobody else is in. */
  | 'DISABLE'
  /** With TLS, whatever certificate the server shows. */
  | 'REQUIRE'
  /** With TLS, and the certificate must be valid for the host. */
  | 'VERIFY_FULL';

/** The user to shut out. */
export type DisablePlatformUserInput = {
  /** Whether the service tokens that the user has made are revoked, too, with those that they have made; also of a user who is disabled already. Otherwise they live on: scripts do not stop with somebody's last day. */
  revokeServiceTokens?: boolean;
  /** The user's UUID. */
  userId: string;
};

/** The user to let in again. */
export type EnablePlatformUserInput = {
  /** The user's UUID. */
  userId: string;
};

/** Every way in which a request or an operation can fail. The list may grow: have a default case beside those that you know. */
export type ErrorCode =
  /** The db server cannot be reached with its admin secret. Check the server, and the secret that its `adminSecretRef` names. */
  | 'E_ADMIN_CONN_UNRESOLVED'
  /** A tenant with this slug exists already. Choose another slug, or work with the tenant that exists: `tenant` shows it. */
  | 'E_ALREADY_PROVISIONED'
  /** The operation was cancelled. Take it up again with `retryOperation`, if it is wanted after all. */
  | 'E_CANCELLED'
  /** This asks to be confirmed. Send it again with `confirm`, if it is really wanted. */
  | 'E_CONFIRMATION_REQUIRED'
  /** PostgreSQL refused what was asked of it. Read what PostgreSQL said, mend the state that it names, then take the operation up again by `retryOperation`. */
  | 'E_DATABASE_REFUSED'
  /** A db server with this name or address exists already. Choose another name, or change the db server that exists with `updateDbServer`. */
  | 'E_DB_SERVER_EXISTS'
  /** The db server was not found. List the db servers with `dbServers`, and name one of them. */
  | 'E_DB_SERVER_NOT_FOUND'
  /** The user comes by single sign-on: role and password are the issuer's. Change them at the issuer; to shut the user out here, use `disablePlatformUser`. */
  | 'E_EXTERNAL_USER'
  /** Your role does not allow this. Ask an administrator. */
  | 'E_FORBIDDEN'
  /** The login before the last rotation is still open. Wait until it closes, or close it first with `endGrace`. */
  | 'E_GRACE_RUNNING'
  /** The platform database has lost what happened lately, so that nobody can be let in. Have an administrator look at what was lost, by `tenantHealth`, and accept it on the service's machine, as docs/replication.md has it. */
  | 'E_HISTORY_LOST'
  /** This idempotency key was used with another input. Send the first input again, or choose a new key. */
  | 'E_IDEMPOTENCY_KEY_REUSED'
  /** Something unexpected went wrong. Try again; if it stays, look for the error id in the log. */
  | 'E_INTERNAL'
  /** The cursor is not valid. Use a cursor that this API answered for this list. */
  | 'E_INVALID_CURSOR'
  /** The slug is not valid. Use 3 to 40 lower-case letters, digits and single hyphens, beginning with a letter. */
  | 'E_INVALID_SLUG'
  /** The invitation was accepted or revoked already. Look at the tenant's `invitations` and `members`. */
  | 'E_INVITATION_CLOSED'
  /** The invitation is not valid: unknown, used, revoked or expired. Ask for a new invitation. */
  | 'E_INVITATION_INVALID'
  /** The invitation was not found. List the tenant's `invitations`. */
  | 'E_INVITATION_NOT_FOUND'
  /** The migration folder needs a database for each tenant. Provision the tenant with `isolation` DATABASE. */
  | 'E_ISOLATION_REQUIRED'
  /** The organization has a laboratory of this name already. Choose another name. */
  | 'E_LABORATORY_EXISTS'
  /** This is the last administrator who can sign in. Make somebody else an administrator first, with `setPlatformUserRole`. */
  | 'E_LAST_ADMINISTRATOR'
  /** The membership was not found. List the tenant's `members`. */
  | 'E_MEMBERSHIP_NOT_FOUND'
  /** This person belongs to the tenant already. Send the open invitation again with `resendInvitation`, or take the person out first with `removeMembership`. */
  | 'E_MEMBER_EXISTS'
  /** A tenant migration failed. Mend the named migration file, then take the operation up with `retryOperation`. */
  | 'E_MIGRATIONS_FAILED'
  /** The applied migrations are not those of the migration folder. Restore the named files as they were applied and put changes into new ones, or let them count as they are with `acceptMigration`, as an administrator; what comes too late is applied by `migrateTenant` with `allowOutOfOrder`. */
  | 'E_MIGRATION_DRIFT'
  /** The migration folder cannot be taken as it is. Mend the named files or settings, all of which `migrationCheck` shows, then take a failed operation up with `retryOperation`. */
  | 'E_MIGRATION_FOLDER'
  /** A migration file holds a statement that may not run in a tenant schema. Mend the named statement, then take a failed operation up with `retryOperation`. */
  | 'E_MIGRATION_UNSAFE'
  /** There is nothing to accept of this migration. Name a migration that `tenantHealth` or `migrateTenant` with `dryRun` tells as changed or missing. */
  | 'E_NOTHING_TO_ACCEPT'
  /** The operation cannot be cancelled. Look how it ended with `operation`. */
  | 'E_NOT_CANCELLABLE'
  /** The operation cannot be retried. Only the newest failed or cancelled operation of a tenant can be retried; `operations` lists them. */
  | 'E_NOT_RETRYABLE'
  /** no eligible db_server. Add a db server with `registerDbServer`, or raise the `capacityHint` of one with `updateDbServer`. */
  | 'E_NO_CAPACITY'
  /** The tenant's schema has no laboratories. Leave it out: this schema does not know laboratories. */
  | 'E_NO_LABORATORIES'
  /** Only a platform user has sessions: a service token has none to end. Revoke the service token with `revokeServiceToken`, as an administrator. */
  | 'E_NO_SESSIONS'
  /** Another operation of this tenant is running. Wait for the running operation, or cancel it with `cancelOperation`. */
  | 'E_OPERATION_IN_PROGRESS'
  /** The durable engine lost the operation, and what it made may remain. Take it up again by `retryOperation`: each phase goes on with what is there. */
  | 'E_OPERATION_LOST'
  /** The operation was not found. Check the operation's id; `operations` lists those that there are. */
  | 'E_OPERATION_NOT_FOUND'
  /** The tenant has several organizations. Select one with `setupName`. */
  | 'E_ORGANIZATION_AMBIGUOUS'
  /** The tenant has no such organization. Name the `setupName` of one of its organizations. */
  | 'E_ORGANIZATION_NOT_FOUND'
  /** An identity with this email exists already. Set `allowExistingUser` to link it to the tenant, or name another email. */
  | 'E_OWNER_EXISTS'
  /** Nobody takes away their own access: the account is yours. Ask another administrator; to have another password, change it with the present one. */
  | 'E_OWN_ACCOUNT'
  /** Something of this tenant's name exists that no tenant explains. Remove or rename the named object by hand, then take a failed operation up with `retryOperation`. */
  | 'E_PARTIAL_STATE'
  /** The password must be changed before anything else. Change the password, then sign in again. */
  | 'E_PASSWORD_CHANGE_REQUIRED'
  /** The link to a new password is not valid: unknown, used, replaced or expired. Ask for another link. */
  | 'E_PASSWORD_RESET_INVALID'
  /** There is no one-time password to reveal: it was shown already, replaced or never made. Send the person a link instead, with `resendInvitation`. */
  | 'E_PASSWORD_REVEALED'
  /** The plan is not what would be made now. Plan it again with `dryRun`, look at it, and send its `planHash`. */
  | 'E_PLAN_STALE'
  /** A platform user with this email exists already. Name another email, or work with the user that exists. */
  | 'E_PLATFORM_USER_EXISTS'
  /** The platform user was not found. List the platform users with `platformUsers`, and name one of them. */
  | 'E_PLATFORM_USER_NOT_FOUND'
  /** The query asks for too much at once. Ask for fewer fields, levels or rows. */
  | 'E_QUERY_TOO_COMPLEX'
  /** Too many requests. Wait for the time that is named, then send it again. */
  | 'E_RATE_LIMITED'
  /** The slug is reserved. Choose another slug. */
  | 'E_RESERVED_SLUG'
  /** The tenant's retention window has not ended. Wait for its end, or purge at once with `immediately` and a `reason`, as an administrator. */
  | 'E_RETENTION_RUNNING'
  /** The secret store did not answer as expected. Check the secret store and its permissions, then try again. */
  | 'E_SECRET_STORE'
  /** A seed set failed. Mend the named seed file, then take the operation up with `retryOperation`. */
  | 'E_SEEDS_FAILED'
  /** The seed set was not found. Name one of the sets in the seed folder. */
  | 'E_SEED_SET_NOT_FOUND'
  /** The service token was not found. List the service tokens with `serviceTokens`, and name the id of one of them. */
  | 'E_SERVICE_TOKEN_NOT_FOUND'
  /** The email or the password is wrong. Check both and try again. */
  | 'E_SIGN_IN_FAILED'
  /** The tenant is locked against deletion. Unlock the tenant first with `unlockTenant`, if it is really to go. */
  | 'E_TENANT_LOCKED'
  /** The tenant is not active. Look at the tenant's status with `tenant`. */
  | 'E_TENANT_NOT_ACTIVE'
  /** The tenant was not found. Check the slug or the id; `tenants` lists those that there are. */
  | 'E_TENANT_NOT_FOUND'
  /** The tenant does not pass its readiness checks. Mend what the failed checks name, and send it again. */
  | 'E_TENANT_NOT_READY'
  /** The tenant's status does not allow this. Look at the tenant's status with `tenant`. */
  | 'E_TENANT_STATUS'
  /** You are not signed in, or your token is not valid. Sign in and send the access token. */
  | 'E_UNAUTHENTICATED'
  /** A part of the service does not answer at the moment. Try again in a moment. */
  | 'E_UNAVAILABLE'
  /** This is not supported yet. Leave the option out. */
  | 'E_UNSUPPORTED'
  /** The input is not valid. Mend what is named, and send it again. */
  | 'E_VALIDATION'
  /** It has changed since the version that the change was made of. Read it again, and make the change of what is there now. */
  | 'E_VERSION_STALE'
  /** The password is too weak. Use at least 12 characters that are not a known password. */
  | 'E_WEAK_PASSWORD'
  /** Provisioning is unavailable: no secret store can be used. Configure the secret store. */
  | 'PROVISIONING_UNAVAILABLE';

/** How a tenant's first administrator gets in. */
export type FirstAdminCredential =
  /** With the password of an identity that existed before. */
  | 'EXISTING_PASSWORD'
  /** By the link in an email, which asks for a password. */
  | 'INVITATION'
  /** With a one-time password: see `revealOneTimePassword`. */
  | 'ONE_TIME_PASSWORD';

/** What can be wrong with a tenant, or with the service as a whole. */
export type HealthFindingCode =
  /** Its schema lacks migrations of the folder. They are not applied unasked. */
  | 'BEHIND'
  /** It may open as many connections as its db server has for all tenants, or more. */
  | 'CONNECTION_LIMIT_HIGH'
  /** A database of its own database's name exists that was not made for it. */
  | 'DATABASE_FOREIGN'
  /** Its own database does not exist. */
  | 'DATABASE_MISSING'
  /** Processes of the service have different migration folders: which migrations a tenant gets depends on who runs its operation. */
  | 'FOLDERS_DIFFER'
  /** The migration folder of the process that looked is refused, so that no ledger was compared with it. */
  | 'FOLDER_REFUSED'
  /** The grace period of its last rotation has ended, and the old login is not closed. */
  | 'GRACE_ENDED'
  /** The platform database has lost something, as after a failover to a standby that lagged. Nothing is mended, and nobody is let in, until an administrator has accepted it. */
  | 'HISTORY_LOST'
  /** Indexes of it are INVALID: they were not built to their end. */
  | 'INDEX_INVALID'
  /** Something of a tenant is there that should be gone. */
  | 'LEFTOVERS'
  /** Its secret leads to another login than the registry's, which a rotation that the registry does not know of has made. */
  | 'LOGIN_NEWER'
  /** A login with its secret was refused. */
  | 'LOGIN_REFUSED'
  /** Files of applied migrations were changed since: see `acceptMigration`. */
  | 'MIGRATION_CHANGED'
  /** Migrations of the folder come before one that was applied: see `migrateTenant` with `allowOutOfOrder`. */
  | 'MIGRATION_LATE'
  /** Applied migrations are missing from the migration folder, or renamed there: see `acceptMigration`. */
  | 'MIGRATION_MISSING'
  /** Its operation has not ended, and the engine does not know it any more. */
  | 'OPERATION_LOST'
  /** Its operation was claimed by a worker that is alive, and has not begun for 15 seconds. */
  | 'OPERATION_STUCK'
  /** No worker that is alive can run its operation: it is of a kind, or has phases, of another version. */
  | 'OPERATION_UNKNOWN'
  /** Its operation waits for a worker: the one that has claimed it is not alive, or none is. */
  | 'OPERATION_UNOWNED'
  /** Its schema holds no organization, or no laboratory. */
  | 'ORGANIZATION_MISSING'
  /** Something bears the mark of a tenant that the registry does not know. */
  | 'ORPHAN'
  /** It is PROVISIONING, and no operation works on it. */
  | 'PROVISIONING_STUCK'
  /** Its purge has begun and not ended, and no operation works on it. */
  | 'PURGE_UNFINISHED'
  /** Its retention window has ended, and it is not purged. */
  | 'RETENTION_ENDED'
  /** Its application cannot log in, although its status says so. */
  | 'ROLE_CANNOT_LOGIN'
  /** Its application can log in, although its status forbids it. */
  | 'ROLE_CAN_LOGIN'
  /** Its logins have another connection limit or other timeouts than it is to have, or none. */
  | 'ROLE_LIMITS'
  /** A PostgreSQL role of it does not exist, or is not its own. */
  | 'ROLE_MISSING'
  /** Its roles have settings that Tenantry has not made, and that its sessions begin with. */
  | 'ROLE_SETTINGS'
  /** A schema of its name exists that was not made for it. */
  | 'SCHEMA_FOREIGN'
  /** Its schema does not exist. */
  | 'SCHEMA_MISSING'
  /** Its secret has a newer version than the current one, from somebody who wrote late. */
  | 'SECRET_LATE'
  /** Its secret does not exist. */
  | 'SECRET_MISSING'
  /** Seed sets that it was given are not there. */
  | 'SEEDS_MISSING'
  /** Its db server or its own database cannot be looked at, or there is none. */
  | 'SERVER_UNREACHABLE'
  /** Its schema's ledger and the registry tell different versions. */
  | 'VERSION_MISMATCH';

/** What is looked at of a tenant. Its tables, their columns and rows are not among it. */
export type HealthLook =
  /** Its ledger against the migration folder of the process that looked. */
  | 'FOLDER'
  /** Whether an index of its tables is INVALID. */
  | 'INDEXES'
  /** Whether it has an organization and a laboratory, where it has such tables. */
  | 'LABORATORIES'
  /** Whether its ledger of migrations and the registry tell one version. */
  | 'LEDGER'
  /** What remains of one that has no place any more. */
  | 'LEFTOVERS'
  /** A login with the secret, as its application does: of one tenant alone. */
  | 'LOGIN'
  /** The operation that has not ended, if there is one. */
  | 'OPERATION'
  /** Whether its database and schema are there and bear its mark. */
  | 'PLACEMENT'
  /** Whether its roles are there, its own, without foreign settings, with the limits that it has, and may log in as its status says. */
  | 'ROLES'
  /** Whether its secret is there, and its newest version the current one. */
  | 'SECRET'
  /** Whether it has a list of seeds, where it was given any. */
  | 'SEEDS'
  /** What the registry says: its status, and moments that have passed. */
  | 'STATUS';

/** What mends a finding. */
export type HealthRepair =
  /** Taking the tenant back into the registry as its db server tells of it. Its people are lost. */
  | 'ADOPT'
  /** `cleanupFailedTenants`, which a person has to ask for. */
  | 'CLEANUP'
  /** Dropping what bears the mark of a tenant that the registry does not know. It does not come back. */
  | 'DROP'
  /** Putting the operation on the queue again. */
  | 'ENQUEUE'
  /** Letting the registry take over the login that the newest secret leads to. */
  | 'FOLLOW_SECRET'
  /** Giving it the status that its logins have on the db server: SUSPENDED where they are closed, ACTIVE where one is open. */
  | 'FOLLOW_STATUS'
  /** Giving it the status FAILED. */
  | 'MARK_FAILED'
  /** `migrateTenant`. */
  | 'MIGRATE'
  /** `purgeTenant`, which a person has to ask for. */
  | 'PURGE'
  /** Storing what the current version of its secret holds as the newest. */
  | 'PUT_SECRET_BACK'
  /** Giving the operation back to the queue, for a worker that is alive. */
  | 'RESUME'
  /** `retireTenantCredentials`. */
  | 'RETIRE_CREDENTIALS'
  /** `rotateTenantCredentials`. */
  | 'ROTATE_CREDENTIALS'
  /** `seedTenant`. */
  | 'SEED'
  /** Ending the lost operation. */
  | 'SETTLE'
  /** Giving its logins the limits that they should have, by an operation. */
  | 'SET_LIMITS'
  /** Letting its application in or keeping it out, as the status says. */
  | 'SET_LOGIN';

/** How an invitation lets somebody in. */
export type InvitationKind =
  /** By a link in a mail. */
  | 'INVITATION'
  /** By a one-time password, which must be changed. */
  | 'ONE_TIME_PASSWORD';

/** Where an invitation is in its life. */
export type InvitationState =
  /** Was accepted, or its one-time password changed. */
  | 'ACCEPTED'
  /** Can be accepted no more; `resendInvitation` makes it PENDING again. */
  | 'EXPIRED'
  /** Can be accepted. */
  | 'PENDING'
  /** Was taken back, for good. */
  | 'REVOKED';

/** Whom to invite. */
export type InviteTenantAdminInput = {
  /** Whether somebody whom another tenant knows already may be linked to this one. */
  allowExistingUser?: boolean;
  /** The person's email address. */
  email: string;
  /** Any text of yours of 1 to 255 characters, such as a UUID. It is kept for 30 days: until then, sending it again with the same input does nothing more and gets the first answer, so that a request whose answer was lost can be repeated. Over HTTP the header `Idempotency-Key` does the same. */
  idempotencyKey?: string | null | undefined;
  /** The person's name, at most 200 characters. */
  name?: string | null | undefined;
  /** What the person is to be in the tenant. */
  role?: TenantRole;
  /** Which tenant. */
  tenant: TenantBy;
};

/** Where a tenant's schema lies. */
export type Isolation =
  /** In a database of its own. */
  | 'DATABASE'
  /** In the db server's shared tenant database. */
  | 'SCHEMA';

/** The tenant to lock. */
export type LockTenantInput = {
  /** Why, 1 to 500 characters; shown to whoever tries to delete it. */
  reason: string;
  /** Which tenant. */
  tenant: TenantBy;
};

/** Whether a mail has left for the mail server. */
export type MailState =
  /** Never: the mail server refused it for good, or was away for too long. */
  | 'FAILED'
  /** Not yet: it is tried again by itself, for four days. */
  | 'PENDING'
  /** Never: what it was about has changed before it left. */
  | 'REVOKED'
  /** The mail server has taken it. */
  | 'SENT';

/** What to mend, and how. */
export type MendTenantsInput = {
  /** The remedies that may be applied: for each finding the first of its own that is named here. Left out, those that are `safe`. Nothing is deleted but by one that is named. */
  remedies?: Array<HealthRepair> | null | undefined;
  /** The slug of one tenant; all when left out. */
  slug?: string | null | undefined;
  /** The slugs of tenants, where nothing but these is to be mended, such as those that somebody has seen and agreed to. A slug of which nothing is found is passed over. */
  slugs?: Array<string> | null | undefined;
};

/** How a folder of migrations is laid out: the tool that wrote it. */
export type MigrationFormat =
  /** dbmate: files with `-- migrate:up`. */
  | 'DBMATE'
  /** Diesel: a folder with `up.sql` for each migration. */
  | 'DIESEL'
  /** Drizzle: files in the order of `meta/_journal.json`. */
  | 'DRIZZLE'
  /** A single file that pg_dump wrote. */
  | 'DUMP'
  /** Flyway: `V1__first.sql`, with repeatable `R__` files and baselines. */
  | 'FLYWAY'
  /** golang-migrate and sqlx: `0001_first.up.sql`, with or without `.down.sql`. */
  | 'GOLANG_MIGRATE'
  /** goose: files with `-- +goose Up`. */
  | 'GOOSE'
  /** Hasura: a folder with `up.sql` for each migration, named by its timestamp. */
  | 'HASURA'
  /** Liquibase: files of SQL with `--changeset` lines. */
  | 'LIQUIBASE'
  /** node-pg-migrate: files with `-- Up Migration`. */
  | 'NODE_PG_MIGRATE'
  /** No migrations: tenants are meant to have no tables. */
  | 'NONE'
  /** Files of SQL with a number at the start of their names: `0001_first.sql`. */
  | 'PLAIN'
  /** Prisma: a folder with `migration.sql` for each migration. */
  | 'PRISMA'
  /** Sqitch: scripts in the order of `sqitch.plan`. */
  | 'SQITCH'
  /** sql-migrate: files with `-- +migrate Up`. */
  | 'SQL_MIGRATE';

/** Which operations. What is left out does not matter. */
export type OperationFilter = {
  /** Those that have not ended (true), or those that have (false). */
  active?: boolean | null | undefined;
  /** Those asked for then or later. */
  createdAfter?: string | null | undefined;
  /** Those asked for before then. */
  createdBefore?: string | null | undefined;
  /** Dry runs (true), or what has done something (false). */
  dryRun?: boolean | null | undefined;
  /** Those of one of these kinds. */
  kind?: Array<OperationKind> | null | undefined;
  /** Those that this user, service token or OS user has asked for: `requestedBy.id`. */
  requestedBy?: string | null | undefined;
  /** Those about the tenant with this slug. */
  slug?: string | null | undefined;
  /** Those in one of these states. */
  state?: Array<OperationState> | null | undefined;
};

/** What an operation does, and the phases that it has. */
export type OperationKind =
  /** Lets a migration count as applied to a tenant as its file is now, where it was edited, renamed or taken away. Phases: LEDGER_COMPARED, LEDGER_CHANGED, REGISTERED. */
  | 'ACCEPT_MIGRATION'
  /** Checks whether a tenant is ready, and makes it ACTIVE. Phases: READINESS_CHECKED, ACTIVATED. */
  | 'ACTIVATE'
  /** Adds a laboratory to one of a tenant's organizations. Phases: ORGANIZATION_RESOLVED, LABORATORY_ADDED, REGISTERED. */
  | 'ADD_LABORATORY'
  /** Clears a tenant away whose provisioning failed. Phases: REMAINS_FOUND, SCHEMA_DROPPED, SECRET_REMOVED, REMAINING_FOUND, CLEANED_UP. */
  | 'CLEANUP'
  /** Applies the migrations that a tenant's schema lacks, and verifies it. A schema that was lost is made anew, with the organization that the tenant was provisioned with. Phases: MIGRATIONS_PLANNED, SCHEMA_ENSURED, MIGRATIONS_APPLIED, ORGANIZATION_ENSURED, VERIFIED, REGISTERED. */
  | 'MIGRATE'
  /** Takes a tenant out of use for good, and starts its retention window. Phases: LOGIN_CLOSED, SESSIONS_ENDED, OFFBOARDED. */
  | 'OFFBOARD'
  /** Makes a tenant: placement, secret, schema and roles, migrations, seeds, first administrator. Phases: PLACEMENT_RESOLVED, STATE_CHECKED, SECRET_SET, DATABASE_CREATED, MIGRATIONS_APPLIED, SEEDS_APPLIED, VERIFIED, MASTER_REGISTERED, ADMIN_SEEDED, COMPLETE. */
  | 'PROVISION'
  /** Removes all that a tenant holds; the audit trail stays. From PURGE_BEGUN on there is no way back. Phases: EVIDENCE_TAKEN, LOGIN_CLOSED, SESSIONS_ENDED, PURGE_BEGUN, SCHEMA_DROPPED, SECRET_REMOVED, REMAINING_FOUND, PURGED. */
  | 'PURGE'
  /** Takes the metadata snapshots of a tenant's records again. Phases: ROWS_COUNTED, PATIENTS, ANALYSIS_REQUESTS, SAMPLES, ANALYSES, REGISTERED. */
  | 'REFRESH_SNAPSHOTS'
  /** Brings an offboarded tenant back as it was. Phases: LOGIN_OPENED, VERIFIED, RESTORED. */
  | 'RESTORE'
  /** Takes a suspended tenant into use again. Phases: LOGIN_OPENED, VERIFIED, RESUMED. */
  | 'RESUME'
  /** Closes the login that a rotation has left open. Begun by the platform at the end of the grace period. Phases: LOGIN_VERIFIED, OLD_LOGIN_CLOSED, GRACE_ENDED. */
  | 'RETIRE_CREDENTIALS'
  /** Gives a tenant's application a new login; the old one stays open for a grace period. Phases: ROLE_CHOSEN, OLD_LOGIN_CLOSED, GRACE_ENDED, NEW_LOGIN_OPENED, SECRET_STORED, VERIFIED, ROTATED. */
  | 'ROTATE_CREDENTIALS'
  /** Adds the rows of seed sets that a tenant's schema lacks. Phases: SETS_RESOLVED, SEEDS_APPLIED, REGISTERED. */
  | 'SEED'
  /** Gives a tenant's logins the limits that it has, or its tier. Begun by `updateTenant` where these change. Phases: LIMITS_SET. */
  | 'SET_LIMITS'
  /** Takes a tenant out of use: its application cannot log in any more. Phases: LOGIN_CLOSED, SESSIONS_ENDED, SUSPENDED. */
  | 'SUSPEND';

/** Where an operation is in its life. SUCCEEDED, FAILED and CANCELLED are final. */
export type OperationState =
  /** Was cancelled; what it made is undone. */
  | 'CANCELLED'
  /** Was asked to stop, and will at the next phase boundary. */
  | 'CANCELLING'
  /** Failed; what it made is undone, or named in its phases as UNDO_FAILED. */
  | 'FAILED'
  /** Waits for a worker. */
  | 'PENDING'
  /** A worker is at it. */
  | 'RUNNING'
  /** Has done everything. */
  | 'SUCCEEDED'
  /** Failed or was cancelled, and takes back what it made. */
  | 'UNDOING';

/** Where a phase of an operation is in its life. */
export type PhaseState =
  /** Failed; the error says why. */
  | 'FAILED'
  /** Its turn has not come. */
  | 'PENDING'
  /** A worker is at it. */
  | 'RUNNING'
  /** Had nothing to do; the note says why. */
  | 'SKIPPED'
  /** Has done its work. */
  | 'SUCCEEDED'
  /** Takes back what it made. */
  | 'UNDOING'
  /** Has taken back what it made. */
  | 'UNDONE'
  /** Could not take back what it made: an operator must look. */
  | 'UNDO_FAILED';

/** Which platform users to list. What is left out does not matter. */
export type PlatformUserFilter = {
  /** Those who are disabled (true), or those who are not (false). */
  disabled?: boolean | null | undefined;
  /** Those with this role. */
  role?: Role | null | undefined;
  /** Those with this text in their email or name, in any case. */
  text?: string | null | undefined;
};

/** A new tenant. */
export type ProvisionTenantInput = {
  /** How the first administrator is to get in. */
  adminCredential?: AdminCredential;
  /** The email of its first administrator, its owner. Left out, the tenant begins without people: `inviteTenantAdmin` brings some. */
  adminEmail?: string | null | undefined;
  /** The name of its first administrator. */
  adminName?: string | null | undefined;
  /** Whether an identity that exists with the administrator's email is linked to the tenant. Otherwise it is refused with `E_OWNER_EXISTS`. */
  allowExistingUser?: boolean;
  /** The name of the db server to be placed on. Left out, the least loaded one of the region is chosen. Given together with `region`, it must stand there. */
  dbServer?: string | null | undefined;
  /** Whether only to say what would be made, and to write nothing. */
  dryRun?: boolean;
  /** Any text of yours of 1 to 255 characters, such as a UUID. It is kept for 30 days: until then, sending it again with the same input does nothing more and gets the first answer, so that a request whose answer was lost can be repeated. Over HTTP the header `Idempotency-Key` does the same. */
  idempotencyKey?: string | null | undefined;
  /** The name of its first laboratory, 1 to 200 characters, for schemas that have laboratories. Left out, it begins without one: `addLaboratory` adds some. */
  initialLaboratory?: string | null | undefined;
  /** Where the tenant's schema is to lie. */
  isolation?: Isolation;
  /** What to note of it, at most 50; each key once. */
  labels?: Array<TenantLabelInput> | null | undefined;
  /** Its name, 1 to 200 characters. */
  name: string;
  /** Who wants it, in your words: kept for later questions. */
  onBehalfOf?: string | null | undefined;
  /** The `planHash` of a dry run with the same input: what was planned is made, or nothing (`E_PLAN_STALE`). */
  planHash?: string | null | undefined;
  /** The region to be placed in: `eu-central`. Left out, any region will do. */
  region?: string | null | undefined;
  /** The seed sets to apply, by name; `all` is every set, and `[]` is none. */
  seeds?: Array<string>;
  /** The name of the first laboratory's setup, by which it can be chosen later. */
  setupName?: string;
  /** Its short name: 3 to 40 lower-case letters, digits and single inner hyphens, beginning with a letter. It becomes part of host and database names and never changes. */
  slug: string;
  /** The codes of the states it works in, such as `CA` or `US-CA`; at most 100. */
  states?: Array<string> | null | undefined;
  /** Where its users ask for help. */
  supportEmail?: string | null | undefined;
  /** Where its users call for help: `+49 30 1234567`. */
  supportPhone?: string | null | undefined;
  /** Its plan. */
  tier?: Tier;
  /** Its IANA time zone: `Europe/Berlin`. */
  timeZone?: string;
  /** Its line of business, at most 60 characters. */
  vertical?: string | null | undefined;
};

/** What is checked before a tenant counts as ready. */
export type ReadinessCheckName =
  /** By its ledger every migration of the folder is applied, and unchanged since. */
  | 'MIGRATIONS'
  /** The tenant's organization is there; not checked in a schema that has no such table. */
  | 'ORGANIZATION'
  /** Everything in the schema belongs to the tenant's owner role. */
  | 'OWNERSHIP'
  /** The application's role logs in with the stored secret. */
  | 'ROLE_LOGIN'
  /** The schema is there, and is the tenant's. */
  | 'SCHEMA'
  /** The tenant's seed sets are in the schema's own list of seeds. */
  | 'SEEDS'
  /** The schema has any tables; which and how is not compared. */
  | 'TABLES';

/** The db server to add. */
export type RegisterDbServerInput = {
  /** The name of the secret that holds its admin's login as `postgres://user:password@host`. The host in it counts for nothing. */
  adminSecretRef: string;
  /** How many tenants it is meant to hold, 0 to 1000000. A new one has 1000. */
  capacityHint?: number | null | undefined;
  /** Its host name or IP address; no URL, no socket path. DB_SERVER_HOSTS may limit which. */
  host: string;
  /** Any text of yours of 1 to 255 characters, such as a UUID. It is kept for 30 days: until then, sending it again with the same input does nothing more and gets the first answer, so that a request whose answer was lost can be repeated. Over HTTP the header `Idempotency-Key` does the same. */
  idempotencyKey?: string | null | undefined;
  /** What kind of PostgreSQL it is; it never changes. For CITUS the secret names the coordinator's database, and tenants have isolation SCHEMA. */
  kind?: DbServerKind;
  /** What to note of it, at most 50; they take the place of all that were noted. */
  labels?: Array<DbServerLabelInput> | null | undefined;
  /** Its name: 1 to 63 characters of a-z, 0-9 and -. It never changes. */
  name: string;
  /** Its port. A new one has 5432. */
  port?: number | null | undefined;
  /** The region it stands in: 1 to 32 characters of a-z, 0-9 and -. */
  region: string;
  /** How connections to it are encrypted. A new one has VERIFY_FULL. */
  tlsMode?: DbServerTlsMode | null | undefined;
};

/** What kind of thing it is. */
export type RemainKind =
  /** The PostgreSQL role that an application logs in as. */
  | 'APP_ROLE'
  /** The tenant's own database, with the schema in it. */
  | 'DATABASE'
  /** The PostgreSQL role that may connect to the tenant's own database. */
  | 'GROUP_ROLE'
  /** The PostgreSQL role that owns a schema. */
  | 'OWNER_ROLE'
  /** A schema. */
  | 'SCHEMA'
  /** A secret in the secret store. */
  | 'SECRET';

/** The user who needs another password. */
export type ResetPlatformUserPasswordInput = {
  /** Any text of yours of 1 to 255 characters, such as a UUID. It is kept for 30 days: until then, sending it again with the same input does nothing more and gets the first answer, so that a request whose answer was lost can be repeated. Over HTTP the header `Idempotency-Key` does the same. */
  idempotencyKey?: string | null | undefined;
  /** The user's UUID. */
  userId: string;
};

/** What a platform user or a service token may do. */
export type Role =
  /** Everything, also what needs a reason. */
  | 'ADMINISTRATOR'
  /** Looks at tenants and their plans. */
  | 'BILLING'
  /** Provisions, migrates and retires tenants. */
  | 'PROVISIONER'
  /** Looks, and changes nothing. */
  | 'READONLY'
  /** Looks at everything, retries and cancels operations. */
  | 'SUPPORT';

/** How to rotate every tenant's credentials. */
export type RotateAllTenantCredentialsInput = {
  /** Whether to close a login first that an earlier rotation has left open; otherwise that is refused with E_GRACE_RUNNING. */
  endGrace?: boolean;
  /** How many seconds the old login stays open behind the new one, 0 to 604800; 0 closes it at once. */
  gracePeriodSeconds?: number;
  /** Any text of yours of 1 to 255 characters, such as a UUID. It is kept for 30 days: until then, sending it again with the same input does nothing more and gets the first answer, so that a request whose answer was lost can be repeated. Over HTTP the header `Idempotency-Key` does the same. */
  idempotencyKey?: string | null | undefined;
  /** Why it is done, 1 to 500 characters, for the audit trail. */
  reason?: string | null | undefined;
};

/** How to rotate. */
export type RotateSigningKeyInput = {
  /** Any text of yours of 1 to 255 characters, such as a UUID. It is kept for 30 days: until then, sending it again with the same input does nothing more and gets the first answer, so that a request whose answer was lost can be repeated. Over HTTP the header `Idempotency-Key` does the same. */
  idempotencyKey?: string | null | undefined;
  /** Drops every key before it at once, with all access tokens: for a key that somebody has taken. Whoever is signed in refreshes the session. */
  immediately?: boolean;
  /** Why, 1 to 500 characters, for the audit trail; needed with `immediately`. */
  reason?: string | null | undefined;
};

/** Which service tokens to list. */
export type ServiceTokenFilter = {
  /** True for those that let in, false for those that do not any more. */
  active?: boolean | null | undefined;
};

/** Whether a service token lets in. */
export type ServiceTokenState =
  /** It lets in. */
  | 'ACTIVE'
  /** Its time has run out. It lets nobody in, and never will again. */
  | 'EXPIRED'
  /** Somebody has revoked it. It lets nobody in, and never will again. */
  | 'REVOKED';

/** The db server, and its new status. */
export type SetDbServerStatusInput = {
  /** The db server's name. */
  name: string;
  /** Why, 1 to 500 characters: kept in the audit trail. */
  reason?: string | null | undefined;
  /** Whether it is to take new tenants. */
  status: DbServerStatus;
};

/** The user, and its new role. */
export type SetPlatformUserRoleInput = {
  /** The `version` that the change was made of: it is refused with `E_VERSION_STALE` where somebody else has changed what can be edited since. Left out, the last one wins. */
  ifVersion?: string | null | undefined;
  /** What it may do from now on. */
  role: Role;
  /** The user's UUID. */
  userId: string;
};

/** A platform user's credentials. */
export type SignInInput = {
  /** The email address, in any case. */
  email: string;
  /** The password. */
  password: string;
};

/** The user to sign out. */
export type SignOutPlatformUserInput = {
  /** The user's UUID. */
  userId: string;
};

/** What a signing key does. */
export type SigningKeyState =
  /** It is in the JWKS and signs nothing yet, so that verifiers know it when it does. */
  | 'PUBLISHED'
  /** Nothing that it signed is accepted. */
  | 'RETIRED'
  /** It signs new access tokens. */
  | 'SIGNING'
  /** It signs nothing any more; what it has signed is valid until it expires. */
  | 'VERIFYING';

/** Whose metadata snapshots are taken. */
export type SnapshotTarget =
  /** Of analysis requests. */
  | 'ANALYSIS_REQUEST'
  /** Of the results of analyses. */
  | 'ANALYSIS_RESULT'
  /** Of patients. */
  | 'PATIENT'
  /** Of samples. */
  | 'SAMPLE';

/** Names one tenant: by its slug or by its id. A slug is free again after a purge: a script that acts on a tenant which it has seen before names it by its id, and never acts on the slug's next owner. */
export type TenantBy =
  {   /** Its UUID. */
  id: string; slug?: never; }
  |  { id?: never;   /** Its slug; purged tenants are not found by it. */
  slug: string; };

/** Which tenants to list. What is left out does not matter; of several values one is enough. */
export type TenantFilter = {
  /** Those whose schema lacks migrations of the migration folder (true), or those that lack none (false): by the version and the number of applied migrations that the registry keeps, so that also one that lacks an earlier file is found. `tenantHealth` compares the ledgers themselves. */
  behind?: boolean | null | undefined;
  /** Those asked for then or later. */
  createdAfter?: string | null | undefined;
  /** Those asked for before then. */
  createdBefore?: string | null | undefined;
  /** Those that are placed on one of these db servers, by name; for roles with `db-server:read`, whom else it refuses with `E_FORBIDDEN`. */
  dbServer?: Array<string> | null | undefined;
  /** Those with this isolation. */
  isolation?: Isolation | null | undefined;
  /** Those that have all of these labels. */
  labels?: Array<TenantLabelInput> | null | undefined;
  /** Those that are locked against deletion (true), or are not (false). */
  locked?: boolean | null | undefined;
  /** Those that were wanted by this, in the same words. */
  onBehalfOf?: string | null | undefined;
  /** Those of one of these regions. */
  region?: Array<string> | null | undefined;
  /** Those whose schema has one of these versions. */
  schemaVersion?: Array<string> | null | undefined;
  /** Those with one of these slugs. */
  slugs?: Array<string> | null | undefined;
  /** Those with one of these statuses. */
  status?: Array<TenantStatus> | null | undefined;
  /** Those with this text in their slug or name, in any case; for roles with `member:read` also in their first administrator's email. */
  text?: string | null | undefined;
  /** Those on one of these plans. */
  tier?: Array<Tier> | null | undefined;
};

/** Something noted of a tenant, by which tenants can be found: `wave: canary`. */
export type TenantLabelInput = {
  /** What is noted: 1 to 63 characters of a-z, 0-9 and `._/-`. */
  key: string;
  /** The note, 1 to 200 characters. */
  value: string;
};

/** A limit that a tenant has. */
export type TenantLimit =
  /** How many sessions each of its logins may have. */
  | 'CONNECTION_LIMIT'
  /** The idle_in_transaction_session_timeout that they begin with. */
  | 'IDLE_IN_TRANSACTION_TIMEOUT'
  /** The statement_timeout that its sessions begin with. */
  | 'STATEMENT_TIMEOUT';

/** What a user may do inside a tenant; its application decides what that means. */
export type TenantRole =
  /** Administers the tenant. */
  | 'ADMIN'
  /** Works in the tenant. */
  | 'MEMBER'
  /** The first administrator, who answers for the tenant. */
  | 'OWNER';

/** The credentials of a tenant's user. */
export type TenantSignInInput = {
  /** The email address, in any case. */
  email: string;
  /** The password. */
  password: string;
  /** The tenant's slug. */
  slug: string;
};

/** Where a tenant is in its life. */
export type TenantStatus =
  /** Verified and in use. */
  | 'ACTIVE'
  /** Provisioning failed and was undone: retry its operation, or clean it up. */
  | 'FAILED'
  /** Out of use for good; can be restored until its retention window ends. */
  | 'OFFBOARDED'
  /** Its first operation is running; the slug is taken already. */
  | 'PROVISIONING'
  /** Gone: nothing is left but this row, and the slug is free again. */
  | 'PURGED'
  /** Out of use for now: its application cannot log in, and everything is kept. */
  | 'SUSPENDED';

/** The plan that a tenant is on. */
export type Tier =
  /** A plan of its own. */
  | 'ENTERPRISE'
  /** The larger plan. */
  | 'PREMIUM'
  /** The usual plan. */
  | 'STANDARD'
  /** Trying it out. */
  | 'TRIAL';

/** The tenant to unlock. */
export type UnlockTenantInput = {
  /** Which tenant. */
  tenant: TenantBy;
};

/** The db server, and what to change. */
export type UpdateDbServerInput = {
  /** The name of the secret that holds its admin's login as `postgres://user:password@host`. The host in it counts for nothing. */
  adminSecretRef?: string | null | undefined;
  /** How many tenants it is meant to hold, 0 to 1000000. A new one has 1000. */
  capacityHint?: number | null | undefined;
  /** Its host name or IP address; no URL, no socket path. DB_SERVER_HOSTS may limit which. */
  host?: string | null | undefined;
  /** The `version` that the change was made of: it is refused with `E_VERSION_STALE` where somebody else has changed what can be edited since. Left out, the last one wins. */
  ifVersion?: string | null | undefined;
  /** What to note of it, at most 50; they take the place of all that were noted. */
  labels?: Array<DbServerLabelInput> | null | undefined;
  /** The db server's name. */
  name: string;
  /** Its port. A new one has 5432. */
  port?: number | null | undefined;
  /** The region it stands in: 1 to 32 characters of a-z, 0-9 and -. */
  region?: string | null | undefined;
  /** How connections to it are encrypted. A new one has VERIFY_FULL. */
  tlsMode?: DbServerTlsMode | null | undefined;
};

/** The tenant, and what to change. What is left out stays; null clears what can be empty. */
export type UpdateTenantInput = {
  /** How many sessions each login of its application may have at a time, 1 to 100000; null for its tier's limit. Needs `tenant:edit`. */
  connectionLimit?: number | null | undefined;
  /** Any text of yours of 1 to 255 characters, such as a UUID. It is kept for 30 days: until then, sending it again with the same input does nothing more and gets the first answer, so that a request whose answer was lost can be repeated. Over HTTP the header `Idempotency-Key` does the same. */
  idempotencyKey?: string | null | undefined;
  /** The idle_in_transaction_session_timeout that its sessions begin with, 0 for none to 604800; null for its tier's. Needs `tenant:edit`. */
  idleInTransactionTimeoutSeconds?: number | null | undefined;
  /** The `version` that the change was made of: it is refused with `E_VERSION_STALE` where somebody else has changed what can be edited since. Left out, the last one wins. */
  ifVersion?: string | null | undefined;
  /** What is noted of it, at most 50: these take the place of all that were. Needs `tenant:edit`. */
  labels?: Array<TenantLabelInput> | null | undefined;
  /** Its name, for people: 1 to 200 characters. Needs `tenant:edit`. */
  name?: string | null | undefined;
  /** The statement_timeout that its sessions begin with, 0 for none to 604800; null for its tier's. Needs `tenant:edit`. */
  statementTimeoutSeconds?: number | null | undefined;
  /** Where its users ask for help, or null. */
  supportEmail?: string | null | undefined;
  /** Where its users call for help, such as `+49 30 1234567`, or null. */
  supportPhone?: string | null | undefined;
  /** Which tenant. */
  tenant: TenantBy;
  /** The plan that it is on. */
  tier?: Tier | null | undefined;
  /** Its line of business, at most 60 characters, or null. Needs `tenant:edit`. */
  vertical?: string | null | undefined;
};

export type CommandUserFragment = { id: string, email: string, name: string, role: Role, issuer: string | null, disabledAt: string | null, mustChangePassword: boolean, oneTimePasswordExpiresAt: string | null, createdAt: string, updatedAt: string };

type CommandChangedUser_CreatePlatformUserPayload_Fragment = { user: { id: string, email: string, name: string, role: Role, issuer: string | null, disabledAt: string | null, mustChangePassword: boolean, oneTimePasswordExpiresAt: string | null, createdAt: string, updatedAt: string } };

type CommandChangedUser_DisablePlatformUserPayload_Fragment = { user: { id: string, email: string, name: string, role: Role, issuer: string | null, disabledAt: string | null, mustChangePassword: boolean, oneTimePasswordExpiresAt: string | null, createdAt: string, updatedAt: string } };

type CommandChangedUser_EnablePlatformUserPayload_Fragment = { user: { id: string, email: string, name: string, role: Role, issuer: string | null, disabledAt: string | null, mustChangePassword: boolean, oneTimePasswordExpiresAt: string | null, createdAt: string, updatedAt: string } };

type CommandChangedUser_ResetPlatformUserPasswordPayload_Fragment = { user: { id: string, email: string, name: string, role: Role, issuer: string | null, disabledAt: string | null, mustChangePassword: boolean, oneTimePasswordExpiresAt: string | null, createdAt: string, updatedAt: string } };

type CommandChangedUser_SetPlatformUserRolePayload_Fragment = { user: { id: string, email: string, name: string, role: Role, issuer: string | null, disabledAt: string | null, mustChangePassword: boolean, oneTimePasswordExpiresAt: string | null, createdAt: string, updatedAt: string } };

type CommandChangedUser_SignOutEverywherePayload_Fragment = { user: { id: string, email: string, name: string, role: Role, issuer: string | null, disabledAt: string | null, mustChangePassword: boolean, oneTimePasswordExpiresAt: string | null, createdAt: string, updatedAt: string } };

type CommandChangedUser_SignOutPlatformUserPayload_Fragment = { user: { id: string, email: string, name: string, role: Role, issuer: string | null, disabledAt: string | null, mustChangePassword: boolean, oneTimePasswordExpiresAt: string | null, createdAt: string, updatedAt: string } };

export type CommandChangedUserFragment =
  | CommandChangedUser_CreatePlatformUserPayload_Fragment
  | CommandChangedUser_DisablePlatformUserPayload_Fragment
  | CommandChangedUser_EnablePlatformUserPayload_Fragment
  | CommandChangedUser_ResetPlatformUserPasswordPayload_Fragment
  | CommandChangedUser_SetPlatformUserRolePayload_Fragment
  | CommandChangedUser_SignOutEverywherePayload_Fragment
  | CommandChangedUser_SignOutPlatformUserPayload_Fragment
;

export type CommandFindUserQueryVariables = Exact<{
  email: string;
}>;


export type CommandFindUserQuery = { platformUser: { id: string } | null };

export type CommandListUsersQueryVariables = Exact<{
  filter?: PlatformUserFilter | null | undefined;
  first: number;
  after?: string | null | undefined;
}>;


export type CommandListUsersQuery = { platformUsers: { nodes: Array<{ id: string, email: string, name: string, role: Role, issuer: string | null, disabledAt: string | null, mustChangePassword: boolean, oneTimePasswordExpiresAt: string | null, createdAt: string, updatedAt: string }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type CommandCreateUserMutationVariables = Exact<{
  input: CreatePlatformUserInput;
}>;


export type CommandCreateUserMutation = { changed:
    | { oneTimePassword: string | null, replayed: boolean, user: { id: string, email: string, name: string, role: Role, issuer: string | null, disabledAt: string | null, mustChangePassword: boolean, oneTimePasswordExpiresAt: string | null, createdAt: string, updatedAt: string } }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, issues: Array<{ path: Array<string>, message: string, code: ErrorCode }>, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
   };

export type CommandSetUserRoleMutationVariables = Exact<{
  input: SetPlatformUserRoleInput;
}>;


export type CommandSetUserRoleMutation = { changed:
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
    | { user: { id: string, email: string, name: string, role: Role, issuer: string | null, disabledAt: string | null, mustChangePassword: boolean, oneTimePasswordExpiresAt: string | null, createdAt: string, updatedAt: string } }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, issues: Array<{ path: Array<string>, message: string, code: ErrorCode }>, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
   };

export type CommandDisableUserMutationVariables = Exact<{
  input: DisablePlatformUserInput;
}>;


export type CommandDisableUserMutation = { changed:
    | { user: { id: string, email: string, name: string, role: Role, issuer: string | null, disabledAt: string | null, mustChangePassword: boolean, oneTimePasswordExpiresAt: string | null, createdAt: string, updatedAt: string } }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, issues: Array<{ path: Array<string>, message: string, code: ErrorCode }>, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
   };

export type CommandEnableUserMutationVariables = Exact<{
  input: EnablePlatformUserInput;
}>;


export type CommandEnableUserMutation = { changed:
    | { user: { id: string, email: string, name: string, role: Role, issuer: string | null, disabledAt: string | null, mustChangePassword: boolean, oneTimePasswordExpiresAt: string | null, createdAt: string, updatedAt: string } }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, issues: Array<{ path: Array<string>, message: string, code: ErrorCode }>, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
   };

export type CommandResetUserPasswordMutationVariables = Exact<{
  input: ResetPlatformUserPasswordInput;
}>;


export type CommandResetUserPasswordMutation = { changed:
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
    | { oneTimePassword: string, replayed: boolean, user: { id: string, email: string, name: string, role: Role, issuer: string | null, disabledAt: string | null, mustChangePassword: boolean, oneTimePasswordExpiresAt: string | null, createdAt: string, updatedAt: string } }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, issues: Array<{ path: Array<string>, message: string, code: ErrorCode }>, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
   };

export type CommandSignOutUserMutationVariables = Exact<{
  input: SignOutPlatformUserInput;
}>;


export type CommandSignOutUserMutation = { changed:
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
    | { user: { id: string, email: string, name: string, role: Role, issuer: string | null, disabledAt: string | null, mustChangePassword: boolean, oneTimePasswordExpiresAt: string | null, createdAt: string, updatedAt: string } }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, issues: Array<{ path: Array<string>, message: string, code: ErrorCode }>, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
   };

export type CommandServiceTokenFragment = { id: string, name: string, role: Role, hint: string, createdAt: string, expiresAt: string, lastUsedAt: string | null, revokedAt: string | null, state: ServiceTokenState, createdBy: { kind: ActorKind, name: string, id: string } };

export type CommandListServiceTokensQueryVariables = Exact<{
  filter?: ServiceTokenFilter | null | undefined;
  first: number;
  after?: string | null | undefined;
}>;


export type CommandListServiceTokensQuery = { serviceTokens: { nodes: Array<{ id: string, name: string, role: Role, hint: string, createdAt: string, expiresAt: string, lastUsedAt: string | null, revokedAt: string | null, state: ServiceTokenState, createdBy: { kind: ActorKind, name: string, id: string } }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type CommandCreateServiceTokenMutationVariables = Exact<{
  input: CreateServiceTokenInput;
}>;


export type CommandCreateServiceTokenMutation = { createServiceToken:
    | { value: string, replayed: boolean, serviceToken: { id: string, name: string, role: Role, hint: string, createdAt: string, expiresAt: string, lastUsedAt: string | null, revokedAt: string | null, state: ServiceTokenState, createdBy: { kind: ActorKind, name: string, id: string } } }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, issues: Array<{ path: Array<string>, message: string, code: ErrorCode }>, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
   };

export type CommandRevokeServiceTokenMutationVariables = Exact<{
  id: string;
}>;


export type CommandRevokeServiceTokenMutation = { revokeServiceToken:
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
    | { serviceToken: { id: string, name: string, role: Role, hint: string, createdAt: string, expiresAt: string, lastUsedAt: string | null, revokedAt: string | null, state: ServiceTokenState, createdBy: { kind: ActorKind, name: string, id: string } } }
   };

export type CommandSigningKeyFragment = { id: string, state: SigningKeyState, createdAt: string, signsFrom: string, signsUntil: string | null, verifiesUntil: string | null, purgedAt: string | null };

export type CommandListSigningKeysQueryVariables = Exact<{ [key: string]: never; }>;


export type CommandListSigningKeysQuery = { signingKeys: Array<{ id: string, state: SigningKeyState, createdAt: string, signsFrom: string, signsUntil: string | null, verifiesUntil: string | null, purgedAt: string | null }> };

export type CommandRotateSigningKeyMutationVariables = Exact<{
  input: RotateSigningKeyInput;
}>;


export type CommandRotateSigningKeyMutation = { rotateSigningKey:
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
    | { begun: boolean, key: { id: string, state: SigningKeyState, createdAt: string, signsFrom: string, signsUntil: string | null, verifiesUntil: string | null, purgedAt: string | null } }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, issues: Array<{ path: Array<string>, message: string, code: ErrorCode }>, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
   };

export type CommandListAuditEventsQueryVariables = Exact<{
  filter?: AuditFilter | null | undefined;
  first: number;
  after?: string | null | undefined;
}>;


export type CommandListAuditEventsQuery = { auditEvents: { nodes: Array<{ id: string, sequence: string, at: string, type: AuditEventType, address: string | null, slug: string | null, detail: unknown, prevHash: string, hash: string, actor: { kind: ActorKind, name: string, id: string }, tenant: { id: string } | null, operation: { id: string } | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type CommandAuditEventFragment = { id: string, sequence: string, at: string, type: AuditEventType, address: string | null, slug: string | null, detail: unknown, prevHash: string, hash: string, actor: { kind: ActorKind, name: string, id: string }, tenant: { id: string } | null, operation: { id: string } | null };

type CommandResult_AcceptanceResult_Fragment = { __typename: 'AcceptanceResult', version: string | null, before: { migration: string, checksum: string } | null, after: { migration: string, checksum: string } | null };

type CommandResult_ActivationResult_Fragment = { __typename: 'ActivationResult', version: string | null, checks: Array<{ name: ReadinessCheckName, passed: boolean, message: string }> };

type CommandResult_CleanupResult_Fragment = { __typename: 'CleanupResult', dropSchema: boolean, unsearched: Array<string>, removed: Array<{ kind: RemainKind, name: string | null, server: string | null, ours: boolean }>, remaining: Array<{ kind: RemainKind, name: string | null, server: string | null, ours: boolean }>, people: { memberships: number, invitations: number, mails: number, identities: number } | null };

type CommandResult_CredentialRetirementResult_Fragment = { __typename: 'CredentialRetirementResult', closedRole: string | null, sessionsEnded: number | null };

type CommandResult_CredentialRotationResult_Fragment = { __typename: 'CredentialRotationResult', from: string | null, to: string | null, secretVersion: string | null, oldLoginOpenUntil: string | null };

type CommandResult_LaboratoryResult_Fragment = { __typename: 'LaboratoryResult', laboratoryId: string | null, laboratoryName: string | null, organizationName: string | null, setupName: string | null };

type CommandResult_LimitsSetResult_Fragment = { __typename: 'LimitsSetResult', roles: Array<string>, connectionLimit: number | null, statementTimeoutSeconds: number | null, idleInTransactionTimeoutSeconds: number | null };

type CommandResult_MigrationResult_Fragment = { __typename: 'MigrationResult', version: string | null, applied: Array<string>, pending: Array<string>, activated: boolean, checks: Array<{ name: ReadinessCheckName, passed: boolean, message: string }> };

type CommandResult_OffboardingResult_Fragment = { __typename: 'OffboardingResult', offboardedFrom: TenantStatus | null, purgeAfter: string | null, purge: boolean, sessionsEnded: number | null };

type CommandResult_ProvisionPlan_Fragment = { __typename: 'ProvisionPlan', dbServer: string, isolation: Isolation, database: string, schema: string, ownerRole: string, appRole: string, secretName: string | null, migrations: Array<string>, migrationFormat: MigrationFormat | null, passedOverCount: number, seedSets: Array<string>, planHash: string | null, laboratory: string | null, firstAdmin: string | null, passedOver: Array<{ file: string, line: number, statement: string, why: string }> };

type CommandResult_ProvisionSummary_Fragment = { __typename: 'ProvisionSummary', tenantId: string, dbServer: string, database: string, schema: string, tables: number, migrationsApplied: number, schemaVersion: string | null, roleLogin: boolean, credential: FirstAdminCredential | null, seedRows: Array<{ set: string, rows: number }> };

type CommandResult_PurgeResult_Fragment = { __typename: 'PurgeResult', begun: boolean, evidence: { server: string, database: string, schema: string | null, tables: number, bytes: string, roles: Array<string>, secretName: string | null } | null, people: { memberships: number, invitations: number, mails: number, identities: number } | null, remaining: Array<{ kind: RemainKind, name: string | null, server: string | null, ours: boolean }> };

type CommandResult_RestorationResult_Fragment = { __typename: 'RestorationResult', status: TenantStatus | null };

type CommandResult_SeedResult_Fragment = { __typename: 'SeedResult', sets: Array<{ set: string, rowsAdded: number, tables: Array<{ table: string, rows: number }> }> };

type CommandResult_SnapshotResult_Fragment = { __typename: 'SnapshotResult', hard: boolean, targets: Array<{ target: SnapshotTarget, total: number | null, rows: number, skipped: string | null }> };

type CommandResult_SuspensionResult_Fragment = { __typename: 'SuspensionResult', sessionsEnded: number | null };

export type CommandResultFragment =
  | CommandResult_AcceptanceResult_Fragment
  | CommandResult_ActivationResult_Fragment
  | CommandResult_CleanupResult_Fragment
  | CommandResult_CredentialRetirementResult_Fragment
  | CommandResult_CredentialRotationResult_Fragment
  | CommandResult_LaboratoryResult_Fragment
  | CommandResult_LimitsSetResult_Fragment
  | CommandResult_MigrationResult_Fragment
  | CommandResult_OffboardingResult_Fragment
  | CommandResult_ProvisionPlan_Fragment
  | CommandResult_ProvisionSummary_Fragment
  | CommandResult_PurgeResult_Fragment
  | CommandResult_RestorationResult_Fragment
  | CommandResult_SeedResult_Fragment
  | CommandResult_SnapshotResult_Fragment
  | CommandResult_SuspensionResult_Fragment
;

export type CommandTenantProfileFragment = { vertical: string | null, states: Array<string>, tier: Tier, timeZone: string, supportEmail: string | null, supportPhone: string | null };

export type CommandCheckMigrationsQueryVariables = Exact<{ [key: string]: never; }>;


export type CommandCheckMigrationsQuery = { migrationCheck: { dir: string, format: MigrationFormat | null, home: string | null, isolation: Isolation | null, isolationBecause: { file: string, line: number, statement: string, why: string } | null, migrations: Array<{ file: string, transactional: boolean, apartBecause: string | null, id: string }>, leftOut: Array<{ file: string, why: string }>, passedOver: Array<{ file: string, line: number, statement: string, why: string }>, extensions: Array<{ name: string, wantedBy: string }>, refusals: Array<{ file: string | null, line: number | null, statement: string | null, why: string, instead: string | null }> } };

export type CommandFilePlaceFragment = { file: string, line: number, statement: string, why: string };

export type CommandOperationFragment = { id: string, kind: OperationKind, state: OperationState, slug: string, dryRun: boolean, done: boolean, createdAt: string, startedAt: string | null, finishedAt: string | null, tenant: { id: string, adminEmail: string | null } | null, requestedBy: { kind: ActorKind, name: string, id: string }, retryOf: { id: string } | null, error: { code: ErrorCode, message: string, phase: string | null, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null } | null, result:
    | { __typename: 'AcceptanceResult', version: string | null, before: { migration: string, checksum: string } | null, after: { migration: string, checksum: string } | null }
    | { __typename: 'ActivationResult', version: string | null, checks: Array<{ name: ReadinessCheckName, passed: boolean, message: string }> }
    | { __typename: 'CleanupResult', dropSchema: boolean, unsearched: Array<string>, removed: Array<{ kind: RemainKind, name: string | null, server: string | null, ours: boolean }>, remaining: Array<{ kind: RemainKind, name: string | null, server: string | null, ours: boolean }>, people: { memberships: number, invitations: number, mails: number, identities: number } | null }
    | { __typename: 'CredentialRetirementResult', closedRole: string | null, sessionsEnded: number | null }
    | { __typename: 'CredentialRotationResult', from: string | null, to: string | null, secretVersion: string | null, oldLoginOpenUntil: string | null }
    | { __typename: 'LaboratoryResult', laboratoryId: string | null, laboratoryName: string | null, organizationName: string | null, setupName: string | null }
    | { __typename: 'LimitsSetResult', roles: Array<string>, connectionLimit: number | null, statementTimeoutSeconds: number | null, idleInTransactionTimeoutSeconds: number | null }
    | { __typename: 'MigrationResult', version: string | null, applied: Array<string>, pending: Array<string>, activated: boolean, checks: Array<{ name: ReadinessCheckName, passed: boolean, message: string }> }
    | { __typename: 'OffboardingResult', offboardedFrom: TenantStatus | null, purgeAfter: string | null, purge: boolean, sessionsEnded: number | null }
    | { __typename: 'ProvisionPlan', dbServer: string, isolation: Isolation, database: string, schema: string, ownerRole: string, appRole: string, secretName: string | null, migrations: Array<string>, migrationFormat: MigrationFormat | null, passedOverCount: number, seedSets: Array<string>, planHash: string | null, laboratory: string | null, firstAdmin: string | null, passedOver: Array<{ file: string, line: number, statement: string, why: string }> }
    | { __typename: 'ProvisionSummary', tenantId: string, dbServer: string, database: string, schema: string, tables: number, migrationsApplied: number, schemaVersion: string | null, roleLogin: boolean, credential: FirstAdminCredential | null, seedRows: Array<{ set: string, rows: number }> }
    | { __typename: 'PurgeResult', begun: boolean, evidence: { server: string, database: string, schema: string | null, tables: number, bytes: string, roles: Array<string>, secretName: string | null } | null, people: { memberships: number, invitations: number, mails: number, identities: number } | null, remaining: Array<{ kind: RemainKind, name: string | null, server: string | null, ours: boolean }> }
    | { __typename: 'RestorationResult', status: TenantStatus | null }
    | { __typename: 'SeedResult', sets: Array<{ set: string, rowsAdded: number, tables: Array<{ table: string, rows: number }> }> }
    | { __typename: 'SnapshotResult', hard: boolean, targets: Array<{ target: SnapshotTarget, total: number | null, rows: number, skipped: string | null }> }
    | { __typename: 'SuspensionResult', sessionsEnded: number | null }
   | null };

type CommandRefusal_OperationInProgressError_Fragment = { code: ErrorCode, message: string, retryable: boolean, nextAction: string, running: { id: string }, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null };

type CommandRefusal_RateLimitedError_Fragment = { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null };

type CommandRefusal_RefusedError_Fragment = { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null };

type CommandRefusal_SlugTakenError_Fragment = { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null };

type CommandRefusal_ValidationError_Fragment = { code: ErrorCode, message: string, retryable: boolean, nextAction: string, issues: Array<{ path: Array<string>, message: string, code: ErrorCode }>, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null };

export type CommandRefusalFragment =
  | CommandRefusal_OperationInProgressError_Fragment
  | CommandRefusal_RateLimitedError_Fragment
  | CommandRefusal_RefusedError_Fragment
  | CommandRefusal_SlugTakenError_Fragment
  | CommandRefusal_ValidationError_Fragment
;

export type CommandFindOperationQueryVariables = Exact<{
  id: string;
}>;


export type CommandFindOperationQuery = { operation: { id: string, kind: OperationKind, state: OperationState, slug: string, dryRun: boolean, done: boolean, createdAt: string, startedAt: string | null, finishedAt: string | null, tenant: { id: string, adminEmail: string | null } | null, requestedBy: { kind: ActorKind, name: string, id: string }, retryOf: { id: string } | null, error: { code: ErrorCode, message: string, phase: string | null, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null } | null, result:
      | { __typename: 'AcceptanceResult', version: string | null, before: { migration: string, checksum: string } | null, after: { migration: string, checksum: string } | null }
      | { __typename: 'ActivationResult', version: string | null, checks: Array<{ name: ReadinessCheckName, passed: boolean, message: string }> }
      | { __typename: 'CleanupResult', dropSchema: boolean, unsearched: Array<string>, removed: Array<{ kind: RemainKind, name: string | null, server: string | null, ours: boolean }>, remaining: Array<{ kind: RemainKind, name: string | null, server: string | null, ours: boolean }>, people: { memberships: number, invitations: number, mails: number, identities: number } | null }
      | { __typename: 'CredentialRetirementResult', closedRole: string | null, sessionsEnded: number | null }
      | { __typename: 'CredentialRotationResult', from: string | null, to: string | null, secretVersion: string | null, oldLoginOpenUntil: string | null }
      | { __typename: 'LaboratoryResult', laboratoryId: string | null, laboratoryName: string | null, organizationName: string | null, setupName: string | null }
      | { __typename: 'LimitsSetResult', roles: Array<string>, connectionLimit: number | null, statementTimeoutSeconds: number | null, idleInTransactionTimeoutSeconds: number | null }
      | { __typename: 'MigrationResult', version: string | null, applied: Array<string>, pending: Array<string>, activated: boolean, checks: Array<{ name: ReadinessCheckName, passed: boolean, message: string }> }
      | { __typename: 'OffboardingResult', offboardedFrom: TenantStatus | null, purgeAfter: string | null, purge: boolean, sessionsEnded: number | null }
      | { __typename: 'ProvisionPlan', dbServer: string, isolation: Isolation, database: string, schema: string, ownerRole: string, appRole: string, secretName: string | null, migrations: Array<string>, migrationFormat: MigrationFormat | null, passedOverCount: number, seedSets: Array<string>, planHash: string | null, laboratory: string | null, firstAdmin: string | null, passedOver: Array<{ file: string, line: number, statement: string, why: string }> }
      | { __typename: 'ProvisionSummary', tenantId: string, dbServer: string, database: string, schema: string, tables: number, migrationsApplied: number, schemaVersion: string | null, roleLogin: boolean, credential: FirstAdminCredential | null, seedRows: Array<{ set: string, rows: number }> }
      | { __typename: 'PurgeResult', begun: boolean, evidence: { server: string, database: string, schema: string | null, tables: number, bytes: string, roles: Array<string>, secretName: string | null } | null, people: { memberships: number, invitations: number, mails: number, identities: number } | null, remaining: Array<{ kind: RemainKind, name: string | null, server: string | null, ours: boolean }> }
      | { __typename: 'RestorationResult', status: TenantStatus | null }
      | { __typename: 'SeedResult', sets: Array<{ set: string, rowsAdded: number, tables: Array<{ table: string, rows: number }> }> }
      | { __typename: 'SnapshotResult', hard: boolean, targets: Array<{ target: SnapshotTarget, total: number | null, rows: number, skipped: string | null }> }
      | { __typename: 'SuspensionResult', sessionsEnded: number | null }
     | null } | null };

export type CommandFindWorkersQueryVariables = Exact<{ [key: string]: never; }>;


export type CommandFindWorkersQuery = { workers: { alive: number, lastSeenAt: string | null } };

export type CommandListOperationsQueryVariables = Exact<{
  filter?: OperationFilter | null | undefined;
  first: number;
  after?: string | null | undefined;
}>;


export type CommandListOperationsQuery = { operations: { nodes: Array<{ id: string, kind: OperationKind, state: OperationState, slug: string, dryRun: boolean, done: boolean, createdAt: string, startedAt: string | null, finishedAt: string | null, tenant: { id: string, adminEmail: string | null } | null, requestedBy: { kind: ActorKind, name: string, id: string }, retryOf: { id: string } | null, error: { code: ErrorCode, message: string, phase: string | null, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null } | null, result:
        | { __typename: 'AcceptanceResult', version: string | null, before: { migration: string, checksum: string } | null, after: { migration: string, checksum: string } | null }
        | { __typename: 'ActivationResult', version: string | null, checks: Array<{ name: ReadinessCheckName, passed: boolean, message: string }> }
        | { __typename: 'CleanupResult', dropSchema: boolean, unsearched: Array<string>, removed: Array<{ kind: RemainKind, name: string | null, server: string | null, ours: boolean }>, remaining: Array<{ kind: RemainKind, name: string | null, server: string | null, ours: boolean }>, people: { memberships: number, invitations: number, mails: number, identities: number } | null }
        | { __typename: 'CredentialRetirementResult', closedRole: string | null, sessionsEnded: number | null }
        | { __typename: 'CredentialRotationResult', from: string | null, to: string | null, secretVersion: string | null, oldLoginOpenUntil: string | null }
        | { __typename: 'LaboratoryResult', laboratoryId: string | null, laboratoryName: string | null, organizationName: string | null, setupName: string | null }
        | { __typename: 'LimitsSetResult', roles: Array<string>, connectionLimit: number | null, statementTimeoutSeconds: number | null, idleInTransactionTimeoutSeconds: number | null }
        | { __typename: 'MigrationResult', version: string | null, applied: Array<string>, pending: Array<string>, activated: boolean, checks: Array<{ name: ReadinessCheckName, passed: boolean, message: string }> }
        | { __typename: 'OffboardingResult', offboardedFrom: TenantStatus | null, purgeAfter: string | null, purge: boolean, sessionsEnded: number | null }
        | { __typename: 'ProvisionPlan', dbServer: string, isolation: Isolation, database: string, schema: string, ownerRole: string, appRole: string, secretName: string | null, migrations: Array<string>, migrationFormat: MigrationFormat | null, passedOverCount: number, seedSets: Array<string>, planHash: string | null, laboratory: string | null, firstAdmin: string | null, passedOver: Array<{ file: string, line: number, statement: string, why: string }> }
        | { __typename: 'ProvisionSummary', tenantId: string, dbServer: string, database: string, schema: string, tables: number, migrationsApplied: number, schemaVersion: string | null, roleLogin: boolean, credential: FirstAdminCredential | null, seedRows: Array<{ set: string, rows: number }> }
        | { __typename: 'PurgeResult', begun: boolean, evidence: { server: string, database: string, schema: string | null, tables: number, bytes: string, roles: Array<string>, secretName: string | null } | null, people: { memberships: number, invitations: number, mails: number, identities: number } | null, remaining: Array<{ kind: RemainKind, name: string | null, server: string | null, ours: boolean }> }
        | { __typename: 'RestorationResult', status: TenantStatus | null }
        | { __typename: 'SeedResult', sets: Array<{ set: string, rowsAdded: number, tables: Array<{ table: string, rows: number }> }> }
        | { __typename: 'SnapshotResult', hard: boolean, targets: Array<{ target: SnapshotTarget, total: number | null, rows: number, skipped: string | null }> }
        | { __typename: 'SuspensionResult', sessionsEnded: number | null }
       | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type CommandRetryOperationMutationVariables = Exact<{
  id: string;
}>;


export type CommandRetryOperationMutation = { retryOperation:
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, running: { id: string }, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
    | { operation: { id: string, kind: OperationKind, state: OperationState, slug: string, dryRun: boolean, done: boolean, createdAt: string, startedAt: string | null, finishedAt: string | null, tenant: { id: string, adminEmail: string | null } | null, requestedBy: { kind: ActorKind, name: string, id: string }, retryOf: { id: string } | null, error: { code: ErrorCode, message: string, phase: string | null, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null } | null, result:
          | { __typename: 'AcceptanceResult', version: string | null, before: { migration: string, checksum: string } | null, after: { migration: string, checksum: string } | null }
          | { __typename: 'ActivationResult', version: string | null, checks: Array<{ name: ReadinessCheckName, passed: boolean, message: string }> }
          | { __typename: 'CleanupResult', dropSchema: boolean, unsearched: Array<string>, removed: Array<{ kind: RemainKind, name: string | null, server: string | null, ours: boolean }>, remaining: Array<{ kind: RemainKind, name: string | null, server: string | null, ours: boolean }>, people: { memberships: number, invitations: number, mails: number, identities: number } | null }
          | { __typename: 'CredentialRetirementResult', closedRole: string | null, sessionsEnded: number | null }
          | { __typename: 'CredentialRotationResult', from: string | null, to: string | null, secretVersion: string | null, oldLoginOpenUntil: string | null }
          | { __typename: 'LaboratoryResult', laboratoryId: string | null, laboratoryName: string | null, organizationName: string | null, setupName: string | null }
          | { __typename: 'LimitsSetResult', roles: Array<string>, connectionLimit: number | null, statementTimeoutSeconds: number | null, idleInTransactionTimeoutSeconds: number | null }
          | { __typename: 'MigrationResult', version: string | null, applied: Array<string>, pending: Array<string>, activated: boolean, checks: Array<{ name: ReadinessCheckName, passed: boolean, message: string }> }
          | { __typename: 'OffboardingResult', offboardedFrom: TenantStatus | null, purgeAfter: string | null, purge: boolean, sessionsEnded: number | null }
          | { __typename: 'ProvisionPlan', dbServer: string, isolation: Isolation, database: string, schema: string, ownerRole: string, appRole: string, secretName: string | null, migrations: Array<string>, migrationFormat: MigrationFormat | null, passedOverCount: number, seedSets: Array<string>, planHash: string | null, laboratory: string | null, firstAdmin: string | null, passedOver: Array<{ file: string, line: number, statement: string, why: string }> }
          | { __typename: 'ProvisionSummary', tenantId: string, dbServer: string, database: string, schema: string, tables: number, migrationsApplied: number, schemaVersion: string | null, roleLogin: boolean, credential: FirstAdminCredential | null, seedRows: Array<{ set: string, rows: number }> }
          | { __typename: 'PurgeResult', begun: boolean, evidence: { server: string, database: string, schema: string | null, tables: number, bytes: string, roles: Array<string>, secretName: string | null } | null, people: { memberships: number, invitations: number, mails: number, identities: number } | null, remaining: Array<{ kind: RemainKind, name: string | null, server: string | null, ours: boolean }> }
          | { __typename: 'RestorationResult', status: TenantStatus | null }
          | { __typename: 'SeedResult', sets: Array<{ set: string, rowsAdded: number, tables: Array<{ table: string, rows: number }> }> }
          | { __typename: 'SnapshotResult', hard: boolean, targets: Array<{ target: SnapshotTarget, total: number | null, rows: number, skipped: string | null }> }
          | { __typename: 'SuspensionResult', sessionsEnded: number | null }
         | null } }
   };

export type CommandCancelOperationMutationVariables = Exact<{
  id: string;
}>;


export type CommandCancelOperationMutation = { cancelOperation:
    | { operation: { id: string, kind: OperationKind, state: OperationState, slug: string, dryRun: boolean, done: boolean, createdAt: string, startedAt: string | null, finishedAt: string | null, tenant: { id: string, adminEmail: string | null } | null, requestedBy: { kind: ActorKind, name: string, id: string }, retryOf: { id: string } | null, error: { code: ErrorCode, message: string, phase: string | null, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null } | null, result:
          | { __typename: 'AcceptanceResult', version: string | null, before: { migration: string, checksum: string } | null, after: { migration: string, checksum: string } | null }
          | { __typename: 'ActivationResult', version: string | null, checks: Array<{ name: ReadinessCheckName, passed: boolean, message: string }> }
          | { __typename: 'CleanupResult', dropSchema: boolean, unsearched: Array<string>, removed: Array<{ kind: RemainKind, name: string | null, server: string | null, ours: boolean }>, remaining: Array<{ kind: RemainKind, name: string | null, server: string | null, ours: boolean }>, people: { memberships: number, invitations: number, mails: number, identities: number } | null }
          | { __typename: 'CredentialRetirementResult', closedRole: string | null, sessionsEnded: number | null }
          | { __typename: 'CredentialRotationResult', from: string | null, to: string | null, secretVersion: string | null, oldLoginOpenUntil: string | null }
          | { __typename: 'LaboratoryResult', laboratoryId: string | null, laboratoryName: string | null, organizationName: string | null, setupName: string | null }
          | { __typename: 'LimitsSetResult', roles: Array<string>, connectionLimit: number | null, statementTimeoutSeconds: number | null, idleInTransactionTimeoutSeconds: number | null }
          | { __typename: 'MigrationResult', version: string | null, applied: Array<string>, pending: Array<string>, activated: boolean, checks: Array<{ name: ReadinessCheckName, passed: boolean, message: string }> }
          | { __typename: 'OffboardingResult', offboardedFrom: TenantStatus | null, purgeAfter: string | null, purge: boolean, sessionsEnded: number | null }
          | { __typename: 'ProvisionPlan', dbServer: string, isolation: Isolation, database: string, schema: string, ownerRole: string, appRole: string, secretName: string | null, migrations: Array<string>, migrationFormat: MigrationFormat | null, passedOverCount: number, seedSets: Array<string>, planHash: string | null, laboratory: string | null, firstAdmin: string | null, passedOver: Array<{ file: string, line: number, statement: string, why: string }> }
          | { __typename: 'ProvisionSummary', tenantId: string, dbServer: string, database: string, schema: string, tables: number, migrationsApplied: number, schemaVersion: string | null, roleLogin: boolean, credential: FirstAdminCredential | null, seedRows: Array<{ set: string, rows: number }> }
          | { __typename: 'PurgeResult', begun: boolean, evidence: { server: string, database: string, schema: string | null, tables: number, bytes: string, roles: Array<string>, secretName: string | null } | null, people: { memberships: number, invitations: number, mails: number, identities: number } | null, remaining: Array<{ kind: RemainKind, name: string | null, server: string | null, ours: boolean }> }
          | { __typename: 'RestorationResult', status: TenantStatus | null }
          | { __typename: 'SeedResult', sets: Array<{ set: string, rowsAdded: number, tables: Array<{ table: string, rows: number }> }> }
          | { __typename: 'SnapshotResult', hard: boolean, targets: Array<{ target: SnapshotTarget, total: number | null, rows: number, skipped: string | null }> }
          | { __typename: 'SuspensionResult', sessionsEnded: number | null }
         | null } }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
   };

export type CommandDbServerFragment = { id: string, name: string, region: string, host: string | null, port: number | null, tlsMode: DbServerTlsMode, kind: DbServerKind, capacityHint: number, adminSecretRef: string | null, tenantDatabase: string, status: DbServerStatus, createdAt: string, updatedAt: string, tenantCount: number, freeCapacity: number, load: number, labels: Array<{ key: string, value: string }> };

export type CommandListDbServersQueryVariables = Exact<{ [key: string]: never; }>;


export type CommandListDbServersQuery = { dbServers: Array<{ id: string, name: string, region: string, host: string | null, port: number | null, tlsMode: DbServerTlsMode, kind: DbServerKind, capacityHint: number, adminSecretRef: string | null, tenantDatabase: string, status: DbServerStatus, createdAt: string, updatedAt: string, tenantCount: number, freeCapacity: number, load: number, cluster: { fault: string | null, nodes: Array<{ host: string | null, port: number | null, group: number, active: boolean, takesTenants: boolean, tenantCount: number, bytes: string | null }> } | null, labels: Array<{ key: string, value: string }> }> };

export type CommandFindDbServerQueryVariables = Exact<{
  id: string;
}>;


export type CommandFindDbServerQuery = { node:
    | { id: string, name: string, region: string, host: string | null, port: number | null, tlsMode: DbServerTlsMode, kind: DbServerKind, capacityHint: number, adminSecretRef: string | null, tenantDatabase: string, status: DbServerStatus, createdAt: string, updatedAt: string, tenantCount: number, freeCapacity: number, load: number, labels: Array<{ key: string, value: string }> }
    | Record<PropertyKey, never>
   | null };

export type CommandCheckDbServersQueryVariables = Exact<{
  name?: string | null | undefined;
}>;


export type CommandCheckDbServersQuery = { dbServerChecks: Array<{ fault: string | null, warnings: Array<string>, ms: number, dbServer: { name: string, status: DbServerStatus }, probed: { version: string, superuser: boolean, citus: string | null } | null }> };

export type CommandRegisterDbServerMutationVariables = Exact<{
  input: RegisterDbServerInput;
}>;


export type CommandRegisterDbServerMutation = { changed:
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
    | { dbServer: { id: string, name: string, region: string, host: string | null, port: number | null, tlsMode: DbServerTlsMode, kind: DbServerKind, capacityHint: number, adminSecretRef: string | null, tenantDatabase: string, status: DbServerStatus, createdAt: string, updatedAt: string, tenantCount: number, freeCapacity: number, load: number, labels: Array<{ key: string, value: string }> } }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, issues: Array<{ path: Array<string>, message: string, code: ErrorCode }>, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
   };

export type CommandUpdateDbServerMutationVariables = Exact<{
  input: UpdateDbServerInput;
}>;


export type CommandUpdateDbServerMutation = { changed:
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
    | { dbServer: { id: string, name: string, region: string, host: string | null, port: number | null, tlsMode: DbServerTlsMode, kind: DbServerKind, capacityHint: number, adminSecretRef: string | null, tenantDatabase: string, status: DbServerStatus, createdAt: string, updatedAt: string, tenantCount: number, freeCapacity: number, load: number, labels: Array<{ key: string, value: string }> } }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, issues: Array<{ path: Array<string>, message: string, code: ErrorCode }>, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
   };

export type CommandSetDbServerStatusMutationVariables = Exact<{
  input: SetDbServerStatusInput;
}>;


export type CommandSetDbServerStatusMutation = { changed:
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
    | { dbServer: { id: string, name: string, region: string, host: string | null, port: number | null, tlsMode: DbServerTlsMode, kind: DbServerKind, capacityHint: number, adminSecretRef: string | null, tenantDatabase: string, status: DbServerStatus, createdAt: string, updatedAt: string, tenantCount: number, freeCapacity: number, load: number, labels: Array<{ key: string, value: string }> } }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, issues: Array<{ path: Array<string>, message: string, code: ErrorCode }>, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
   };

export type CommandTenantHealthQueryVariables = Exact<{
  slug?: string | null | undefined;
}>;


export type CommandTenantHealthQuery = { tenantHealth: Array<{ slug: string | null, healthy: boolean, looked: Array<HealthLook>, tenant: { status: TenantStatus } | null, findings: Array<{ code: HealthFindingCode, message: string, repair: HealthRepair | null, safe: boolean, remedies: Array<{ repair: HealthRepair }> }>, operation: { id: string } | null }> };

export type CommandMendTenantsMutationVariables = Exact<{
  input: MendTenantsInput;
}>;


export type CommandMendTenantsMutation = { mendTenants:
    | { mended: Array<{ slug: string | null, code: HealthFindingCode, message: string, repair: HealthRepair | null }>, failed: Array<{ slug: string | null, code: HealthFindingCode, message: string, repair: HealthRepair | null }>, operations: Array<{ id: string, kind: OperationKind, state: OperationState, slug: string, dryRun: boolean, done: boolean, createdAt: string, startedAt: string | null, finishedAt: string | null, tenant: { id: string, adminEmail: string | null } | null, requestedBy: { kind: ActorKind, name: string, id: string }, retryOf: { id: string } | null, error: { code: ErrorCode, message: string, phase: string | null, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null } | null, result:
          | { __typename: 'AcceptanceResult', version: string | null, before: { migration: string, checksum: string } | null, after: { migration: string, checksum: string } | null }
          | { __typename: 'ActivationResult', version: string | null, checks: Array<{ name: ReadinessCheckName, passed: boolean, message: string }> }
          | { __typename: 'CleanupResult', dropSchema: boolean, unsearched: Array<string>, removed: Array<{ kind: RemainKind, name: string | null, server: string | null, ours: boolean }>, remaining: Array<{ kind: RemainKind, name: string | null, server: string | null, ours: boolean }>, people: { memberships: number, invitations: number, mails: number, identities: number } | null }
          | { __typename: 'CredentialRetirementResult', closedRole: string | null, sessionsEnded: number | null }
          | { __typename: 'CredentialRotationResult', from: string | null, to: string | null, secretVersion: string | null, oldLoginOpenUntil: string | null }
          | { __typename: 'LaboratoryResult', laboratoryId: string | null, laboratoryName: string | null, organizationName: string | null, setupName: string | null }
          | { __typename: 'LimitsSetResult', roles: Array<string>, connectionLimit: number | null, statementTimeoutSeconds: number | null, idleInTransactionTimeoutSeconds: number | null }
          | { __typename: 'MigrationResult', version: string | null, applied: Array<string>, pending: Array<string>, activated: boolean, checks: Array<{ name: ReadinessCheckName, passed: boolean, message: string }> }
          | { __typename: 'OffboardingResult', offboardedFrom: TenantStatus | null, purgeAfter: string | null, purge: boolean, sessionsEnded: number | null }
          | { __typename: 'ProvisionPlan', dbServer: string, isolation: Isolation, database: string, schema: string, ownerRole: string, appRole: string, secretName: string | null, migrations: Array<string>, migrationFormat: MigrationFormat | null, passedOverCount: number, seedSets: Array<string>, planHash: string | null, laboratory: string | null, firstAdmin: string | null, passedOver: Array<{ file: string, line: number, statement: string, why: string }> }
          | { __typename: 'ProvisionSummary', tenantId: string, dbServer: string, database: string, schema: string, tables: number, migrationsApplied: number, schemaVersion: string | null, roleLogin: boolean, credential: FirstAdminCredential | null, seedRows: Array<{ set: string, rows: number }> }
          | { __typename: 'PurgeResult', begun: boolean, evidence: { server: string, database: string, schema: string | null, tables: number, bytes: string, roles: Array<string>, secretName: string | null } | null, people: { memberships: number, invitations: number, mails: number, identities: number } | null, remaining: Array<{ kind: RemainKind, name: string | null, server: string | null, ours: boolean }> }
          | { __typename: 'RestorationResult', status: TenantStatus | null }
          | { __typename: 'SeedResult', sets: Array<{ set: string, rowsAdded: number, tables: Array<{ table: string, rows: number }> }> }
          | { __typename: 'SnapshotResult', hard: boolean, targets: Array<{ target: SnapshotTarget, total: number | null, rows: number, skipped: string | null }> }
          | { __typename: 'SuspensionResult', sessionsEnded: number | null }
         | null }> }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, issues: Array<{ path: Array<string>, message: string, code: ErrorCode }>, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
   };

export type CommandMendingFragment = { slug: string | null, code: HealthFindingCode, message: string, repair: HealthRepair | null };

export type CommandTenantFragment = { id: string, slug: string, name: string, status: TenantStatus, isolation: Isolation, databaseName: string | null, schemaName: string, ownerRole: string, appRole: string, secretName: string | null, schemaVersion: string | null, migrationsApplied: number, seedSets: Array<string>, adminEmail: string | null, region: string | null, onBehalfOf: string | null, createdAt: string, updatedAt: string, activatedAt: string | null, offboardedFrom: TenantStatus | null, purgeAfter: string | null, lockedAt: string | null, lockReason: string | null, credentialsRotatedAt: string | null, vertical: string | null, states: Array<string>, tier: Tier, timeZone: string, supportEmail: string | null, supportPhone: string | null, retiringUntil: string | null, limits: { connectionLimit: number, statementTimeoutSeconds: number, idleInTransactionTimeoutSeconds: number, own: Array<TenantLimit> }, failure: { code: ErrorCode, message: string } | null };

export type CommandLimitsFragment = { connectionLimit: number, statementTimeoutSeconds: number, idleInTransactionTimeoutSeconds: number, own: Array<TenantLimit> };

export type CommandListTenantsQueryVariables = Exact<{
  filter?: TenantFilter | null | undefined;
  first: number;
  after?: string | null | undefined;
}>;


export type CommandListTenantsQuery = { tenants: { nodes: Array<{ id: string, slug: string, name: string, status: TenantStatus, isolation: Isolation, databaseName: string | null, schemaName: string, ownerRole: string, appRole: string, secretName: string | null, schemaVersion: string | null, migrationsApplied: number, seedSets: Array<string>, adminEmail: string | null, region: string | null, onBehalfOf: string | null, createdAt: string, updatedAt: string, activatedAt: string | null, offboardedFrom: TenantStatus | null, purgeAfter: string | null, lockedAt: string | null, lockReason: string | null, credentialsRotatedAt: string | null, vertical: string | null, states: Array<string>, tier: Tier, timeZone: string, supportEmail: string | null, supportPhone: string | null, retiringUntil: string | null, limits: { connectionLimit: number, statementTimeoutSeconds: number, idleInTransactionTimeoutSeconds: number, own: Array<TenantLimit> }, failure: { code: ErrorCode, message: string } | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type CommandFindTenantQueryVariables = Exact<{
  by: TenantBy;
}>;


export type CommandFindTenantQuery = { tenant: { id: string, slug: string, name: string, status: TenantStatus, isolation: Isolation, databaseName: string | null, schemaName: string, ownerRole: string, appRole: string, secretName: string | null, schemaVersion: string | null, migrationsApplied: number, seedSets: Array<string>, adminEmail: string | null, region: string | null, onBehalfOf: string | null, createdAt: string, updatedAt: string, activatedAt: string | null, offboardedFrom: TenantStatus | null, purgeAfter: string | null, lockedAt: string | null, lockReason: string | null, credentialsRotatedAt: string | null, vertical: string | null, states: Array<string>, tier: Tier, timeZone: string, supportEmail: string | null, supportPhone: string | null, retiringUntil: string | null, dbServer: { name: string } | null, clusterPlace: { bytes: string | null, fault: string | null, node: { host: string | null, port: number | null, group: number } | null } | null, operations: { nodes: Array<{ id: string, kind: OperationKind, state: OperationState, createdAt: string }> } | null, limits: { connectionLimit: number, statementTimeoutSeconds: number, idleInTransactionTimeoutSeconds: number, own: Array<TenantLimit> }, failure: { code: ErrorCode, message: string } | null } | null };

export type CommandUpdateTenantMutationVariables = Exact<{
  input: UpdateTenantInput;
}>;


export type CommandUpdateTenantMutation = { updateTenant:
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, running: { id: string }, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
    | { tenant: { id: string, slug: string, name: string, vertical: string | null, states: Array<string>, tier: Tier, timeZone: string, supportEmail: string | null, supportPhone: string | null, limits: { connectionLimit: number, statementTimeoutSeconds: number, idleInTransactionTimeoutSeconds: number, own: Array<TenantLimit> } }, operation: { id: string, kind: OperationKind, state: OperationState, slug: string, dryRun: boolean, done: boolean, createdAt: string, startedAt: string | null, finishedAt: string | null, tenant: { id: string, adminEmail: string | null } | null, requestedBy: { kind: ActorKind, name: string, id: string }, retryOf: { id: string } | null, error: { code: ErrorCode, message: string, phase: string | null, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null } | null, result:
          | { __typename: 'AcceptanceResult', version: string | null, before: { migration: string, checksum: string } | null, after: { migration: string, checksum: string } | null }
          | { __typename: 'ActivationResult', version: string | null, checks: Array<{ name: ReadinessCheckName, passed: boolean, message: string }> }
          | { __typename: 'CleanupResult', dropSchema: boolean, unsearched: Array<string>, removed: Array<{ kind: RemainKind, name: string | null, server: string | null, ours: boolean }>, remaining: Array<{ kind: RemainKind, name: string | null, server: string | null, ours: boolean }>, people: { memberships: number, invitations: number, mails: number, identities: number } | null }
          | { __typename: 'CredentialRetirementResult', closedRole: string | null, sessionsEnded: number | null }
          | { __typename: 'CredentialRotationResult', from: string | null, to: string | null, secretVersion: string | null, oldLoginOpenUntil: string | null }
          | { __typename: 'LaboratoryResult', laboratoryId: string | null, laboratoryName: string | null, organizationName: string | null, setupName: string | null }
          | { __typename: 'LimitsSetResult', roles: Array<string>, connectionLimit: number | null, statementTimeoutSeconds: number | null, idleInTransactionTimeoutSeconds: number | null }
          | { __typename: 'MigrationResult', version: string | null, applied: Array<string>, pending: Array<string>, activated: boolean, checks: Array<{ name: ReadinessCheckName, passed: boolean, message: string }> }
          | { __typename: 'OffboardingResult', offboardedFrom: TenantStatus | null, purgeAfter: string | null, purge: boolean, sessionsEnded: number | null }
          | { __typename: 'ProvisionPlan', dbServer: string, isolation: Isolation, database: string, schema: string, ownerRole: string, appRole: string, secretName: string | null, migrations: Array<string>, migrationFormat: MigrationFormat | null, passedOverCount: number, seedSets: Array<string>, planHash: string | null, laboratory: string | null, firstAdmin: string | null, passedOver: Array<{ file: string, line: number, statement: string, why: string }> }
          | { __typename: 'ProvisionSummary', tenantId: string, dbServer: string, database: string, schema: string, tables: number, migrationsApplied: number, schemaVersion: string | null, roleLogin: boolean, credential: FirstAdminCredential | null, seedRows: Array<{ set: string, rows: number }> }
          | { __typename: 'PurgeResult', begun: boolean, evidence: { server: string, database: string, schema: string | null, tables: number, bytes: string, roles: Array<string>, secretName: string | null } | null, people: { memberships: number, invitations: number, mails: number, identities: number } | null, remaining: Array<{ kind: RemainKind, name: string | null, server: string | null, ours: boolean }> }
          | { __typename: 'RestorationResult', status: TenantStatus | null }
          | { __typename: 'SeedResult', sets: Array<{ set: string, rowsAdded: number, tables: Array<{ table: string, rows: number }> }> }
          | { __typename: 'SnapshotResult', hard: boolean, targets: Array<{ target: SnapshotTarget, total: number | null, rows: number, skipped: string | null }> }
          | { __typename: 'SuspensionResult', sessionsEnded: number | null }
         | null } | null }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, issues: Array<{ path: Array<string>, message: string, code: ErrorCode }>, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
   };

export type CommandLockTenantMutationVariables = Exact<{
  input: LockTenantInput;
}>;


export type CommandLockTenantMutation = { changed:
    | { tenant: { id: string, slug: string, lockedAt: string | null, lockReason: string | null } }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, running: { id: string }, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, issues: Array<{ path: Array<string>, message: string, code: ErrorCode }>, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
   };

type CommandLockChange_InviteTenantAdminPayload_Fragment = { tenant: { id: string, slug: string, lockedAt: string | null, lockReason: string | null } };

type CommandLockChange_LockTenantPayload_Fragment = { tenant: { id: string, slug: string, lockedAt: string | null, lockReason: string | null } };

type CommandLockChange_RemoveMembershipPayload_Fragment = { tenant: { id: string, slug: string, lockedAt: string | null, lockReason: string | null } };

type CommandLockChange_ResendInvitationPayload_Fragment = { tenant: { id: string, slug: string, lockedAt: string | null, lockReason: string | null } };

type CommandLockChange_RevokeInvitationPayload_Fragment = { tenant: { id: string, slug: string, lockedAt: string | null, lockReason: string | null } };

type CommandLockChange_UnlockTenantPayload_Fragment = { tenant: { id: string, slug: string, lockedAt: string | null, lockReason: string | null } };

type CommandLockChange_UpdateTenantPayload_Fragment = { tenant: { id: string, slug: string, lockedAt: string | null, lockReason: string | null } };

export type CommandLockChangeFragment =
  | CommandLockChange_InviteTenantAdminPayload_Fragment
  | CommandLockChange_LockTenantPayload_Fragment
  | CommandLockChange_RemoveMembershipPayload_Fragment
  | CommandLockChange_ResendInvitationPayload_Fragment
  | CommandLockChange_RevokeInvitationPayload_Fragment
  | CommandLockChange_UnlockTenantPayload_Fragment
  | CommandLockChange_UpdateTenantPayload_Fragment
;

export type CommandUnlockTenantMutationVariables = Exact<{
  input: UnlockTenantInput;
}>;


export type CommandUnlockTenantMutation = { changed:
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, running: { id: string }, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
    | { tenant: { id: string, slug: string, lockedAt: string | null, lockReason: string | null } }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, issues: Array<{ path: Array<string>, message: string, code: ErrorCode }>, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
   };

export type CommandCleanupFailedTenantsMutationVariables = Exact<{
  input: CleanupFailedTenantsInput;
}>;


export type CommandCleanupFailedTenantsMutation = { started:
    | { results: Array<{ slug: string, operation: { id: string, kind: OperationKind, state: OperationState, slug: string, dryRun: boolean, done: boolean, createdAt: string, startedAt: string | null, finishedAt: string | null, tenant: { id: string, adminEmail: string | null } | null, requestedBy: { kind: ActorKind, name: string, id: string }, retryOf: { id: string } | null, error: { code: ErrorCode, message: string, phase: string | null, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null } | null, result:
            | { __typename: 'AcceptanceResult', version: string | null, before: { migration: string, checksum: string } | null, after: { migration: string, checksum: string } | null }
            | { __typename: 'ActivationResult', version: string | null, checks: Array<{ name: ReadinessCheckName, passed: boolean, message: string }> }
            | { __typename: 'CleanupResult', dropSchema: boolean, unsearched: Array<string>, removed: Array<{ kind: RemainKind, name: string | null, server: string | null, ours: boolean }>, remaining: Array<{ kind: RemainKind, name: string | null, server: string | null, ours: boolean }>, people: { memberships: number, invitations: number, mails: number, identities: number } | null }
            | { __typename: 'CredentialRetirementResult', closedRole: string | null, sessionsEnded: number | null }
            | { __typename: 'CredentialRotationResult', from: string | null, to: string | null, secretVersion: string | null, oldLoginOpenUntil: string | null }
            | { __typename: 'LaboratoryResult', laboratoryId: string | null, laboratoryName: string | null, organizationName: string | null, setupName: string | null }
            | { __typename: 'LimitsSetResult', roles: Array<string>, connectionLimit: number | null, statementTimeoutSeconds: number | null, idleInTransactionTimeoutSeconds: number | null }
            | { __typename: 'MigrationResult', version: string | null, applied: Array<string>, pending: Array<string>, activated: boolean, checks: Array<{ name: ReadinessCheckName, passed: boolean, message: string }> }
            | { __typename: 'OffboardingResult', offboardedFrom: TenantStatus | null, purgeAfter: string | null, purge: boolean, sessionsEnded: number | null }
            | { __typename: 'ProvisionPlan', dbServer: string, isolation: Isolation, database: string, schema: string, ownerRole: string, appRole: string, secretName: string | null, migrations: Array<string>, migrationFormat: MigrationFormat | null, passedOverCount: number, seedSets: Array<string>, planHash: string | null, laboratory: string | null, firstAdmin: string | null, passedOver: Array<{ file: string, line: number, statement: string, why: string }> }
            | { __typename: 'ProvisionSummary', tenantId: string, dbServer: string, database: string, schema: string, tables: number, migrationsApplied: number, schemaVersion: string | null, roleLogin: boolean, credential: FirstAdminCredential | null, seedRows: Array<{ set: string, rows: number }> }
            | { __typename: 'PurgeResult', begun: boolean, evidence: { server: string, database: string, schema: string | null, tables: number, bytes: string, roles: Array<string>, secretName: string | null } | null, people: { memberships: number, invitations: number, mails: number, identities: number } | null, remaining: Array<{ kind: RemainKind, name: string | null, server: string | null, ours: boolean }> }
            | { __typename: 'RestorationResult', status: TenantStatus | null }
            | { __typename: 'SeedResult', sets: Array<{ set: string, rowsAdded: number, tables: Array<{ table: string, rows: number }> }> }
            | { __typename: 'SnapshotResult', hard: boolean, targets: Array<{ target: SnapshotTarget, total: number | null, rows: number, skipped: string | null }> }
            | { __typename: 'SuspensionResult', sessionsEnded: number | null }
           | null } | null, error:
          | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, running: { id: string }, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
          | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
          | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
          | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
          | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, issues: Array<{ path: Array<string>, message: string, code: ErrorCode }>, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
         | null }> }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, issues: Array<{ path: Array<string>, message: string, code: ErrorCode }>, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
   };

export type CommandRotateAllTenantCredentialsMutationVariables = Exact<{
  input: RotateAllTenantCredentialsInput;
}>;


export type CommandRotateAllTenantCredentialsMutation = { started:
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
    | { results: Array<{ slug: string, operation: { id: string, kind: OperationKind, state: OperationState, slug: string, dryRun: boolean, done: boolean, createdAt: string, startedAt: string | null, finishedAt: string | null, tenant: { id: string, adminEmail: string | null } | null, requestedBy: { kind: ActorKind, name: string, id: string }, retryOf: { id: string } | null, error: { code: ErrorCode, message: string, phase: string | null, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null } | null, result:
            | { __typename: 'AcceptanceResult', version: string | null, before: { migration: string, checksum: string } | null, after: { migration: string, checksum: string } | null }
            | { __typename: 'ActivationResult', version: string | null, checks: Array<{ name: ReadinessCheckName, passed: boolean, message: string }> }
            | { __typename: 'CleanupResult', dropSchema: boolean, unsearched: Array<string>, removed: Array<{ kind: RemainKind, name: string | null, server: string | null, ours: boolean }>, remaining: Array<{ kind: RemainKind, name: string | null, server: string | null, ours: boolean }>, people: { memberships: number, invitations: number, mails: number, identities: number } | null }
            | { __typename: 'CredentialRetirementResult', closedRole: string | null, sessionsEnded: number | null }
            | { __typename: 'CredentialRotationResult', from: string | null, to: string | null, secretVersion: string | null, oldLoginOpenUntil: string | null }
            | { __typename: 'LaboratoryResult', laboratoryId: string | null, laboratoryName: string | null, organizationName: string | null, setupName: string | null }
            | { __typename: 'LimitsSetResult', roles: Array<string>, connectionLimit: number | null, statementTimeoutSeconds: number | null, idleInTransactionTimeoutSeconds: number | null }
            | { __typename: 'MigrationResult', version: string | null, applied: Array<string>, pending: Array<string>, activated: boolean, checks: Array<{ name: ReadinessCheckName, passed: boolean, message: string }> }
            | { __typename: 'OffboardingResult', offboardedFrom: TenantStatus | null, purgeAfter: string | null, purge: boolean, sessionsEnded: number | null }
            | { __typename: 'ProvisionPlan', dbServer: string, isolation: Isolation, database: string, schema: string, ownerRole: string, appRole: string, secretName: string | null, migrations: Array<string>, migrationFormat: MigrationFormat | null, passedOverCount: number, seedSets: Array<string>, planHash: string | null, laboratory: string | null, firstAdmin: string | null, passedOver: Array<{ file: string, line: number, statement: string, why: string }> }
            | { __typename: 'ProvisionSummary', tenantId: string, dbServer: string, database: string, schema: string, tables: number, migrationsApplied: number, schemaVersion: string | null, roleLogin: boolean, credential: FirstAdminCredential | null, seedRows: Array<{ set: string, rows: number }> }
            | { __typename: 'PurgeResult', begun: boolean, evidence: { server: string, database: string, schema: string | null, tables: number, bytes: string, roles: Array<string>, secretName: string | null } | null, people: { memberships: number, invitations: number, mails: number, identities: number } | null, remaining: Array<{ kind: RemainKind, name: string | null, server: string | null, ours: boolean }> }
            | { __typename: 'RestorationResult', status: TenantStatus | null }
            | { __typename: 'SeedResult', sets: Array<{ set: string, rowsAdded: number, tables: Array<{ table: string, rows: number }> }> }
            | { __typename: 'SnapshotResult', hard: boolean, targets: Array<{ target: SnapshotTarget, total: number | null, rows: number, skipped: string | null }> }
            | { __typename: 'SuspensionResult', sessionsEnded: number | null }
           | null } | null, error:
          | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, running: { id: string }, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
          | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
          | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
          | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
          | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, issues: Array<{ path: Array<string>, message: string, code: ErrorCode }>, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
         | null }> }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, issues: Array<{ path: Array<string>, message: string, code: ErrorCode }>, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
   };

export type CommandMailFragment = { state: MailState, attempts: number, problem: string | null };

export type CommandIdentityFragment = { email: string, name: string | null };

export type CommandListInvitationsQueryVariables = Exact<{
  by: TenantBy;
  first: number;
  after?: string | null | undefined;
}>;


export type CommandListInvitationsQuery = { tenant: { people: { nodes: Array<{ id: string, role: TenantRole, kind: InvitationKind, state: InvitationState, timesSent: number, createdAt: string, expiresAt: string, acceptedAt: string | null, revokedAt: string | null, identity: { email: string, name: string | null }, mail: { state: MailState, attempts: number, problem: string | null } | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } | null } | null };

export type CommandListMembersQueryVariables = Exact<{
  by: TenantBy;
  first: number;
  after?: string | null | undefined;
}>;


export type CommandListMembersQuery = { tenant: { people: { nodes: Array<{ id: string, role: TenantRole, since: string, lastSignedInAt: string | null, identity: { email: string, name: string | null }, mail: { state: MailState, attempts: number, problem: string | null } | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } | null } | null };

export type CommandInviteTenantAdminMutationVariables = Exact<{
  input: InviteTenantAdminInput;
}>;


export type CommandInviteTenantAdminMutation = { changed:
    | { tenant: { slug: string } }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, issues: Array<{ path: Array<string>, message: string, code: ErrorCode }>, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
   };

export type CommandResendInvitationMutationVariables = Exact<{
  id: string;
}>;


export type CommandResendInvitationMutation = { changed:
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
    | { tenant: { slug: string } }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, issues: Array<{ path: Array<string>, message: string, code: ErrorCode }>, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
   };

export type CommandRevokeInvitationMutationVariables = Exact<{
  id: string;
}>;


export type CommandRevokeInvitationMutation = { changed:
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
    | { tenant: { slug: string } }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, issues: Array<{ path: Array<string>, message: string, code: ErrorCode }>, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
   };

export type CommandRemoveMembershipMutationVariables = Exact<{
  id: string;
}>;


export type CommandRemoveMembershipMutation = { changed:
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
    | { tenant: { slug: string } }
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, issues: Array<{ path: Array<string>, message: string, code: ErrorCode }>, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
   };

export type CommandRevealOneTimePasswordMutationVariables = Exact<{
  id: string;
}>;


export type CommandRevealOneTimePasswordMutation = { revealOneTimePassword:
    | { code: ErrorCode, message: string, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null }
    | { email: string, oneTimePassword: string, expiresAt: string }
   };

export type CommandListMailsQueryVariables = Exact<{
  by: TenantBy;
}>;


export type CommandListMailsQuery = { tenant: { invitations: { nodes: Array<{ identity: { email: string }, mail: { state: MailState, attempts: number, problem: string | null } | null }> } | null, members: { nodes: Array<{ identity: { email: string }, mail: { state: MailState, attempts: number, problem: string | null } | null }> } | null } | null };

export type MigrationFaultFieldsFragment = { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null };

export type OperationErrorFieldsFragment = { code: ErrorCode, message: string, phase: string | null, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null };

export type OperationProgressSubscriptionVariables = Exact<{
  operationId: string;
  after?: string | null | undefined;
}>;


export type OperationProgressSubscription = { operationEvents:
    | { __typename: 'OperationStateChanged', operationState: OperationState, cursor: string, sequence: number, at: string, error: { code: ErrorCode, message: string, phase: string | null, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null } | null }
    | { __typename: 'PhaseProgressed', phase: string, completed: number, total: number | null, message: string | null, cursor: string, sequence: number, at: string }
    | { __typename: 'PhaseStateChanged', phase: string, phaseState: PhaseState, note: string | null, attempt: number, cursor: string, sequence: number, at: string, error: { code: ErrorCode, message: string, phase: string | null, retryable: boolean, nextAction: string, migration: { file: string, line: number | null, statement: string | null, sqlState: string | null, detail: string | null, hint: string | null, constraint: string | null } | null } | null }
   };

export type DemoSignInMutationVariables = Exact<{
  input: SignInInput;
}>;


export type DemoSignInMutation = { signIn:
    | { __typename: 'RateLimitedError', code: ErrorCode, message: string }
    | { __typename: 'RefusedError', code: ErrorCode, message: string }
    | { __typename: 'Session', accessToken: string, user: { email: string, role: Role } }
   };

export type DemoTenantsQueryVariables = Exact<{
  text: string;
  after?: string | null | undefined;
}>;


export type DemoTenantsQuery = { tenants: { nodes: Array<{ slug: string }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type DemoProvisionTenantMutationVariables = Exact<{
  input: ProvisionTenantInput;
}>;


export type DemoProvisionTenantMutation = { provisionTenant:
    | { __typename: 'OperationInProgressError', code: ErrorCode, message: string }
    | { __typename: 'ProvisionTenantPayload', operation: { id: string } }
    | { __typename: 'RefusedError', code: ErrorCode, message: string }
    | { __typename: 'SlugTakenError', code: ErrorCode, message: string }
    | { __typename: 'ValidationError', code: ErrorCode, message: string }
   };

export type DemoOperationResultQueryVariables = Exact<{
  id: string;
}>;


export type DemoOperationResultQuery = { operation: { state: OperationState, startedAt: string | null, finishedAt: string | null, error: { code: ErrorCode, message: string } | null, result:
      | { __typename: 'AcceptanceResult' }
      | { __typename: 'ActivationResult' }
      | { __typename: 'CleanupResult' }
      | { __typename: 'CredentialRetirementResult' }
      | { __typename: 'CredentialRotationResult' }
      | { __typename: 'LaboratoryResult' }
      | { __typename: 'LimitsSetResult' }
      | { __typename: 'MigrationResult' }
      | { __typename: 'OffboardingResult' }
      | { __typename: 'ProvisionPlan' }
      | { __typename: 'ProvisionSummary', tenantId: string, dbServer: string, database: string, schema: string, tables: number, migrationsApplied: number, schemaVersion: string | null, roleLogin: boolean, seedRows: Array<{ set: string, rows: number }> }
      | { __typename: 'PurgeResult' }
      | { __typename: 'RestorationResult' }
      | { __typename: 'SeedResult' }
      | { __typename: 'SnapshotResult' }
      | { __typename: 'SuspensionResult' }
     | null } | null };

export type DemoAcceptInvitationMutationVariables = Exact<{
  input: AcceptInvitationInput;
}>;


export type DemoAcceptInvitationMutation = { acceptInvitation:
    | { __typename: 'RateLimitedError', code: ErrorCode, message: string }
    | { __typename: 'RefusedError', code: ErrorCode, message: string }
    | { __typename: 'TenantSession' }
   };

export type DemoTenantSignInMutationVariables = Exact<{
  input: TenantSignInInput;
}>;


export type DemoTenantSignInMutation = { tenantSignIn:
    | { __typename: 'RateLimitedError', code: ErrorCode, message: string }
    | { __typename: 'RefusedError', code: ErrorCode, message: string }
    | { __typename: 'TenantSession', role: TenantRole, identity: { email: string } }
   };

export type SignInMutationVariables = Exact<{
  input: SignInInput;
}>;


export type SignInMutation = { signIn:
    | { __typename: 'RateLimitedError', code: ErrorCode, message: string }
    | { __typename: 'RefusedError', code: ErrorCode, message: string }
    | { __typename: 'Session', accessToken: string, accessTokenExpiresAt: string, refreshToken: string }
   };

export type ProvisionTenantMutationVariables = Exact<{
  input: ProvisionTenantInput;
}>;


export type ProvisionTenantMutation = { provisionTenant:
    | { __typename: 'OperationInProgressError', code: ErrorCode, message: string, nextAction: string }
    | { __typename: 'ProvisionTenantPayload', replayed: boolean, operation: { id: string } }
    | { __typename: 'RefusedError', code: ErrorCode, message: string, nextAction: string }
    | { __typename: 'SlugTakenError', code: ErrorCode, message: string, nextAction: string }
    | { __typename: 'ValidationError', code: ErrorCode, message: string, nextAction: string, issues: Array<{ path: Array<string>, message: string, code: ErrorCode }> }
   };

export type FollowOperationSubscriptionVariables = Exact<{
  operationId: string;
  after?: string | null | undefined;
}>;


export type FollowOperationSubscription = { operationEvents:
    | { __typename: 'OperationStateChanged', operationState: OperationState, cursor: string, sequence: number }
    | { __typename: 'PhaseProgressed', phase: string, completed: number, total: number | null, cursor: string, sequence: number }
    | { __typename: 'PhaseStateChanged', phase: string, phaseState: PhaseState, cursor: string, sequence: number }
   };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}
export const CommandUserFragmentDoc = new TypedDocumentString(`
    fragment CommandUser on PlatformUser {
  id
  email
  name
  role
  issuer
  disabledAt
  mustChangePassword
  oneTimePasswordExpiresAt
  createdAt
  updatedAt
}
    `, {"fragmentName":"CommandUser"}) as unknown as TypedDocumentString<CommandUserFragment, unknown>;
export const CommandChangedUserFragmentDoc = new TypedDocumentString(`
    fragment CommandChangedUser on PlatformUserPayload {
  user {
    ...CommandUser
  }
}
    fragment CommandUser on PlatformUser {
  id
  email
  name
  role
  issuer
  disabledAt
  mustChangePassword
  oneTimePasswordExpiresAt
  createdAt
  updatedAt
}`, {"fragmentName":"CommandChangedUser"}) as unknown as TypedDocumentString<CommandChangedUserFragment, unknown>;
export const CommandServiceTokenFragmentDoc = new TypedDocumentString(`
    fragment CommandServiceToken on ServiceToken {
  id
  name
  role
  hint
  createdAt
  expiresAt
  lastUsedAt
  revokedAt
  state
  createdBy {
    kind
    id: principalId
    name
  }
}
    `, {"fragmentName":"CommandServiceToken"}) as unknown as TypedDocumentString<CommandServiceTokenFragment, unknown>;
export const CommandSigningKeyFragmentDoc = new TypedDocumentString(`
    fragment CommandSigningKey on SigningKey {
  id
  state
  createdAt
  signsFrom
  signsUntil
  verifiesUntil
  purgedAt
}
    `, {"fragmentName":"CommandSigningKey"}) as unknown as TypedDocumentString<CommandSigningKeyFragment, unknown>;
export const CommandAuditEventFragmentDoc = new TypedDocumentString(`
    fragment CommandAuditEvent on AuditEvent {
  id
  sequence
  at
  type
  actor {
    kind
    id: principalId
    name
  }
  address
  tenant {
    id
  }
  slug
  operation {
    id
  }
  detail
  prevHash
  hash
}
    `, {"fragmentName":"CommandAuditEvent"}) as unknown as TypedDocumentString<CommandAuditEventFragment, unknown>;
export const CommandFilePlaceFragmentDoc = new TypedDocumentString(`
    fragment CommandFilePlace on MigrationFilePlace {
  file
  line
  statement
  why
}
    `, {"fragmentName":"CommandFilePlace"}) as unknown as TypedDocumentString<CommandFilePlaceFragment, unknown>;
export const MigrationFaultFieldsFragmentDoc = new TypedDocumentString(`
    fragment MigrationFaultFields on MigrationFault {
  file
  line
  statement
  sqlState
  detail
  hint
  constraint
}
    `, {"fragmentName":"MigrationFaultFields"}) as unknown as TypedDocumentString<MigrationFaultFieldsFragment, unknown>;
export const OperationErrorFieldsFragmentDoc = new TypedDocumentString(`
    fragment OperationErrorFields on OperationError {
  code
  message
  phase
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
}
    fragment MigrationFaultFields on MigrationFault {
  file
  line
  statement
  sqlState
  detail
  hint
  constraint
}`, {"fragmentName":"OperationErrorFields"}) as unknown as TypedDocumentString<OperationErrorFieldsFragment, unknown>;
export const CommandResultFragmentDoc = new TypedDocumentString(`
    fragment CommandResult on OperationResult {
  __typename
  ... on ProvisionPlan {
    dbServer
    isolation
    database
    schema
    ownerRole
    appRole
    secretName
    migrations
    migrationFormat
    passedOver {
      file
      line
      statement
      why
    }
    passedOverCount
    seedSets
    planHash
    laboratory
    firstAdmin
  }
  ... on ProvisionSummary {
    tenantId
    dbServer
    database
    schema
    tables
    migrationsApplied
    schemaVersion
    seedRows {
      set
      rows
    }
    roleLogin
    credential
  }
  ... on MigrationResult {
    version
    applied
    pending
    activated
    checks {
      name
      passed
      message
    }
  }
  ... on AcceptanceResult {
    before {
      migration
      checksum
    }
    after {
      migration
      checksum
    }
    version
  }
  ... on ActivationResult {
    version
    checks {
      name
      passed
      message
    }
  }
  ... on LaboratoryResult {
    laboratoryId
    laboratoryName
    organizationName
    setupName
  }
  ... on SeedResult {
    sets {
      set
      rowsAdded
      tables {
        table
        rows
      }
    }
  }
  ... on SnapshotResult {
    hard
    targets {
      target
      total
      rows
      skipped
    }
  }
  ... on CredentialRotationResult {
    from
    to
    secretVersion
    oldLoginOpenUntil
  }
  ... on CredentialRetirementResult {
    closedRole
    sessionsEnded
  }
  ... on LimitsSetResult {
    roles
    connectionLimit
    statementTimeoutSeconds
    idleInTransactionTimeoutSeconds
  }
  ... on SuspensionResult {
    sessionsEnded
  }
  ... on CleanupResult {
    dropSchema
    removed {
      kind
      name
      server
      ours
    }
    remaining {
      kind
      name
      server
      ours
    }
    unsearched
    people {
      memberships
      invitations
      mails
      identities
    }
  }
  ... on OffboardingResult {
    offboardedFrom
    purgeAfter
    purge
    sessionsEnded
  }
  ... on RestorationResult {
    status
  }
  ... on PurgeResult {
    begun
    evidence {
      server
      database
      schema
      tables
      bytes
      roles
      secretName
    }
    people {
      memberships
      invitations
      mails
      identities
    }
    remaining {
      kind
      name
      server
      ours
    }
  }
}
    `, {"fragmentName":"CommandResult"}) as unknown as TypedDocumentString<CommandResultFragment, unknown>;
export const CommandOperationFragmentDoc = new TypedDocumentString(`
    fragment CommandOperation on Operation {
  id
  kind
  state
  slug
  dryRun
  done
  createdAt
  startedAt
  finishedAt
  tenant {
    id
    adminEmail
  }
  requestedBy {
    kind
    id: principalId
    name
  }
  retryOf {
    id
  }
  error {
    ...OperationErrorFields
  }
  result {
    ...CommandResult
  }
}
    fragment CommandResult on OperationResult {
  __typename
  ... on ProvisionPlan {
    dbServer
    isolation
    database
    schema
    ownerRole
    appRole
    secretName
    migrations
    migrationFormat
    passedOver {
      file
      line
      statement
      why
    }
    passedOverCount
    seedSets
    planHash
    laboratory
    firstAdmin
  }
  ... on ProvisionSummary {
    tenantId
    dbServer
    database
    schema
    tables
    migrationsApplied
    schemaVersion
    seedRows {
      set
      rows
    }
    roleLogin
    credential
  }
  ... on MigrationResult {
    version
    applied
    pending
    activated
    checks {
      name
      passed
      message
    }
  }
  ... on AcceptanceResult {
    before {
      migration
      checksum
    }
    after {
      migration
      checksum
    }
    version
  }
  ... on ActivationResult {
    version
    checks {
      name
      passed
      message
    }
  }
  ... on LaboratoryResult {
    laboratoryId
    laboratoryName
    organizationName
    setupName
  }
  ... on SeedResult {
    sets {
      set
      rowsAdded
      tables {
        table
        rows
      }
    }
  }
  ... on SnapshotResult {
    hard
    targets {
      target
      total
      rows
      skipped
    }
  }
  ... on CredentialRotationResult {
    from
    to
    secretVersion
    oldLoginOpenUntil
  }
  ... on CredentialRetirementResult {
    closedRole
    sessionsEnded
  }
  ... on LimitsSetResult {
    roles
    connectionLimit
    statementTimeoutSeconds
    idleInTransactionTimeoutSeconds
  }
  ... on SuspensionResult {
    sessionsEnded
  }
  ... on CleanupResult {
    dropSchema
    removed {
      kind
      name
      server
      ours
    }
    remaining {
      kind
      name
      server
      ours
    }
    unsearched
    people {
      memberships
      invitations
      mails
      identities
    }
  }
  ... on OffboardingResult {
    offboardedFrom
    purgeAfter
    purge
    sessionsEnded
  }
  ... on RestorationResult {
    status
  }
  ... on PurgeResult {
    begun
    evidence {
      server
      database
      schema
      tables
      bytes
      roles
      secretName
    }
    people {
      memberships
      invitations
      mails
      identities
    }
    remaining {
      kind
      name
      server
      ours
    }
  }
}
fragment MigrationFaultFields on MigrationFault {
  file
  line
  statement
  sqlState
  detail
  hint
  constraint
}
fragment OperationErrorFields on OperationError {
  code
  message
  phase
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
}`, {"fragmentName":"CommandOperation"}) as unknown as TypedDocumentString<CommandOperationFragment, unknown>;
export const CommandRefusalFragmentDoc = new TypedDocumentString(`
    fragment CommandRefusal on UserError {
  code
  message
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
  ... on ValidationError {
    issues {
      path
      message
      code
    }
  }
  ... on OperationInProgressError {
    running: operation {
      id
    }
  }
}
    fragment MigrationFaultFields on MigrationFault {
  file
  line
  statement
  sqlState
  detail
  hint
  constraint
}`, {"fragmentName":"CommandRefusal"}) as unknown as TypedDocumentString<CommandRefusalFragment, unknown>;
export const CommandDbServerFragmentDoc = new TypedDocumentString(`
    fragment CommandDbServer on DbServer {
  id
  name
  region
  host
  port
  tlsMode
  kind
  capacityHint
  adminSecretRef
  tenantDatabase
  status
  labels {
    key
    value
  }
  createdAt
  updatedAt
  tenantCount
  freeCapacity
  load
}
    `, {"fragmentName":"CommandDbServer"}) as unknown as TypedDocumentString<CommandDbServerFragment, unknown>;
export const CommandMendingFragmentDoc = new TypedDocumentString(`
    fragment CommandMending on HealthMending {
  slug
  code
  message
  repair
}
    `, {"fragmentName":"CommandMending"}) as unknown as TypedDocumentString<CommandMendingFragment, unknown>;
export const CommandTenantProfileFragmentDoc = new TypedDocumentString(`
    fragment CommandTenantProfile on Tenant {
  vertical
  states
  tier
  timeZone
  supportEmail
  supportPhone
}
    `, {"fragmentName":"CommandTenantProfile"}) as unknown as TypedDocumentString<CommandTenantProfileFragment, unknown>;
export const CommandLimitsFragmentDoc = new TypedDocumentString(`
    fragment CommandLimits on TenantLimits {
  connectionLimit
  statementTimeoutSeconds
  idleInTransactionTimeoutSeconds
  own
}
    `, {"fragmentName":"CommandLimits"}) as unknown as TypedDocumentString<CommandLimitsFragment, unknown>;
export const CommandTenantFragmentDoc = new TypedDocumentString(`
    fragment CommandTenant on Tenant {
  id
  slug
  name
  status
  isolation
  databaseName
  schemaName
  ownerRole
  appRole
  secretName
  schemaVersion
  migrationsApplied
  seedSets
  adminEmail
  region
  ...CommandTenantProfile
  limits {
    ...CommandLimits
  }
  onBehalfOf
  createdAt
  updatedAt
  activatedAt
  offboardedFrom
  purgeAfter
  lockedAt
  lockReason
  credentialsRotatedAt
  retiringUntil: oldLoginOpenUntil
  failure {
    code
    message
  }
}
    fragment CommandTenantProfile on Tenant {
  vertical
  states
  tier
  timeZone
  supportEmail
  supportPhone
}
fragment CommandLimits on TenantLimits {
  connectionLimit
  statementTimeoutSeconds
  idleInTransactionTimeoutSeconds
  own
}`, {"fragmentName":"CommandTenant"}) as unknown as TypedDocumentString<CommandTenantFragment, unknown>;
export const CommandLockChangeFragmentDoc = new TypedDocumentString(`
    fragment CommandLockChange on TenantPayload {
  tenant {
    id
    slug
    lockedAt
    lockReason
  }
}
    `, {"fragmentName":"CommandLockChange"}) as unknown as TypedDocumentString<CommandLockChangeFragment, unknown>;
export const CommandMailFragmentDoc = new TypedDocumentString(`
    fragment CommandMail on TenantMail {
  state
  attempts
  problem
}
    `, {"fragmentName":"CommandMail"}) as unknown as TypedDocumentString<CommandMailFragment, unknown>;
export const CommandIdentityFragmentDoc = new TypedDocumentString(`
    fragment CommandIdentity on Identity {
  email
  name
}
    `, {"fragmentName":"CommandIdentity"}) as unknown as TypedDocumentString<CommandIdentityFragment, unknown>;
export const CommandFindUserDocument = new TypedDocumentString(`
    query CommandFindUser($email: String!) {
  platformUser(by: { email: $email }) {
    id
  }
}
    `) as unknown as TypedDocumentString<CommandFindUserQuery, CommandFindUserQueryVariables>;
export const CommandListUsersDocument = new TypedDocumentString(`
    query CommandListUsers($filter: PlatformUserFilter, $first: Int!, $after: String) {
  platformUsers(filter: $filter, first: $first, after: $after) {
    nodes {
      ...CommandUser
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    fragment CommandUser on PlatformUser {
  id
  email
  name
  role
  issuer
  disabledAt
  mustChangePassword
  oneTimePasswordExpiresAt
  createdAt
  updatedAt
}`) as unknown as TypedDocumentString<CommandListUsersQuery, CommandListUsersQueryVariables>;
export const CommandCreateUserDocument = new TypedDocumentString(`
    mutation CommandCreateUser($input: CreatePlatformUserInput!) {
  changed: createPlatformUser(input: $input) {
    ...CommandChangedUser
    ... on CreatePlatformUserPayload {
      oneTimePassword
      replayed
    }
    ...CommandRefusal
  }
}
    fragment CommandUser on PlatformUser {
  id
  email
  name
  role
  issuer
  disabledAt
  mustChangePassword
  oneTimePasswordExpiresAt
  createdAt
  updatedAt
}
fragment CommandChangedUser on PlatformUserPayload {
  user {
    ...CommandUser
  }
}
fragment CommandRefusal on UserError {
  code
  message
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
  ... on ValidationError {
    issues {
      path
      message
      code
    }
  }
  ... on OperationInProgressError {
    running: operation {
      id
    }
  }
}
fragment MigrationFaultFields on MigrationFault {
  file
  line
  statement
  sqlState
  detail
  hint
  constraint
}`) as unknown as TypedDocumentString<CommandCreateUserMutation, CommandCreateUserMutationVariables>;
export const CommandSetUserRoleDocument = new TypedDocumentString(`
    mutation CommandSetUserRole($input: SetPlatformUserRoleInput!) {
  changed: setPlatformUserRole(input: $input) {
    ...CommandChangedUser
    ...CommandRefusal
  }
}
    fragment CommandUser on PlatformUser {
  id
  email
  name
  role
  issuer
  disabledAt
  mustChangePassword
  oneTimePasswordExpiresAt
  createdAt
  updatedAt
}
fragment CommandChangedUser on PlatformUserPayload {
  user {
    ...CommandUser
  }
}
fragment CommandRefusal on UserError {
  code
  message
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
  ... on ValidationError {
    issues {
      path
      message
      code
    }
  }
  ... on OperationInProgressError {
    running: operation {
      id
    }
  }
}
fragment MigrationFaultFields on MigrationFault {
  file
  line
  statement
  sqlState
  detail
  hint
  constraint
}`) as unknown as TypedDocumentString<CommandSetUserRoleMutation, CommandSetUserRoleMutationVariables>;
export const CommandDisableUserDocument = new TypedDocumentString(`
    mutation CommandDisableUser($input: DisablePlatformUserInput!) {
  changed: disablePlatformUser(input: $input) {
    ...CommandChangedUser
    ...CommandRefusal
  }
}
    fragment CommandUser on PlatformUser {
  id
  email
  name
  role
  issuer
  disabledAt
  mustChangePassword
  oneTimePasswordExpiresAt
  createdAt
  updatedAt
}
fragment CommandChangedUser on PlatformUserPayload {
  user {
    ...CommandUser
  }
}
fragment CommandRefusal on UserError {
  code
  message
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
  ... on ValidationError {
    issues {
      path
      message
      code
    }
  }
  ... on OperationInProgressError {
    running: operation {
      id
    }
  }
}
fragment MigrationFaultFields on MigrationFault {
  file
  line
  statement
  sqlState
  detail
  hint
  constraint
}`) as unknown as TypedDocumentString<CommandDisableUserMutation, CommandDisableUserMutationVariables>;
export const CommandEnableUserDocument = new TypedDocumentString(`
    mutation CommandEnableUser($input: EnablePlatformUserInput!) {
  changed: enablePlatformUser(input: $input) {
    ...CommandChangedUser
    ...CommandRefusal
  }
}
    fragment CommandUser on PlatformUser {
  id
  email
  name
  role
  issuer
  disabledAt
  mustChangePassword
  oneTimePasswordExpiresAt
  createdAt
  updatedAt
}
fragment CommandChangedUser on PlatformUserPayload {
  user {
    ...CommandUser
  }
}
fragment CommandRefusal on UserError {
  code
  message
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
  ... on ValidationError {
    issues {
      path
      message
      code
    }
  }
  ... on OperationInProgressError {
    running: operation {
      id
    }
  }
}
fragment MigrationFaultFields on MigrationFault {
  file
  line
  statement
  sqlState
  detail
  hint
  constraint
}`) as unknown as TypedDocumentString<CommandEnableUserMutation, CommandEnableUserMutationVariables>;
export const CommandResetUserPasswordDocument = new TypedDocumentString(`
    mutation CommandResetUserPassword($input: ResetPlatformUserPasswordInput!) {
  changed: resetPlatformUserPassword(input: $input) {
    ...CommandChangedUser
    ... on ResetPlatformUserPasswordPayload {
      oneTimePassword
      replayed
    }
    ...CommandRefusal
  }
}
    fragment CommandUser on PlatformUser {
  id
  email
  name
  role
  issuer
  disabledAt
  mustChangePassword
  oneTimePasswordExpiresAt
  createdAt
  updatedAt
}
fragment CommandChangedUser on PlatformUserPayload {
  user {
    ...CommandUser
  }
}
fragment CommandRefusal on UserError {
  code
  message
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
  ... on ValidationError {
    issues {
      path
      message
      code
    }
  }
  ... on OperationInProgressError {
    running: operation {
      id
    }
  }
}
fragment MigrationFaultFields on MigrationFault {
  file
  line
  statement
  sqlState
  detail
  hint
  constraint
}`) as unknown as TypedDocumentString<CommandResetUserPasswordMutation, CommandResetUserPasswordMutationVariables>;
export const CommandSignOutUserDocument = new TypedDocumentString(`
    mutation CommandSignOutUser($input: SignOutPlatformUserInput!) {
  changed: signOutPlatformUser(input: $input) {
    ...CommandChangedUser
    ...CommandRefusal
  }
}
    fragment CommandUser on PlatformUser {
  id
  email
  name
  role
  issuer
  disabledAt
  mustChangePassword
  oneTimePasswordExpiresAt
  createdAt
  updatedAt
}
fragment CommandChangedUser on PlatformUserPayload {
  user {
    ...CommandUser
  }
}
fragment CommandRefusal on UserError {
  code
  message
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
  ... on ValidationError {
    issues {
      path
      message
      code
    }
  }
  ... on OperationInProgressError {
    running: operation {
      id
    }
  }
}
fragment MigrationFaultFields on MigrationFault {
  file
  line
  statement
  sqlState
  detail
  hint
  constraint
}`) as unknown as TypedDocumentString<CommandSignOutUserMutation, CommandSignOutUserMutationVariables>;
export const CommandListServiceTokensDocument = new TypedDocumentString(`
    query CommandListServiceTokens($filter: ServiceTokenFilter, $first: Int!, $after: String) {
  serviceTokens(filter: $filter, first: $first, after: $after) {
    nodes {
      ...CommandServiceToken
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    fragment CommandServiceToken on ServiceToken {
  id
  name
  role
  hint
  createdAt
  expiresAt
  lastUsedAt
  revokedAt
  state
  createdBy {
    kind
    id: principalId
    name
  }
}`) as unknown as TypedDocumentString<CommandListServiceTokensQuery, CommandListServiceTokensQueryVariables>;
export const CommandCreateServiceTokenDocument = new TypedDocumentString(`
    mutation CommandCreateServiceToken($input: CreateServiceTokenInput!) {
  createServiceToken(input: $input) {
    ... on CreateServiceTokenPayload {
      serviceToken {
        ...CommandServiceToken
      }
      value
      replayed
    }
    ...CommandRefusal
  }
}
    fragment CommandServiceToken on ServiceToken {
  id
  name
  role
  hint
  createdAt
  expiresAt
  lastUsedAt
  revokedAt
  state
  createdBy {
    kind
    id: principalId
    name
  }
}
fragment CommandRefusal on UserError {
  code
  message
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
  ... on ValidationError {
    issues {
      path
      message
      code
    }
  }
  ... on OperationInProgressError {
    running: operation {
      id
    }
  }
}
fragment MigrationFaultFields on MigrationFault {
  file
  line
  statement
  sqlState
  detail
  hint
  constraint
}`) as unknown as TypedDocumentString<CommandCreateServiceTokenMutation, CommandCreateServiceTokenMutationVariables>;
export const CommandRevokeServiceTokenDocument = new TypedDocumentString(`
    mutation CommandRevokeServiceToken($id: ID!) {
  revokeServiceToken(input: { id: $id }) {
    ... on RevokeServiceTokenPayload {
      serviceToken {
        ...CommandServiceToken
      }
    }
    ...CommandRefusal
  }
}
    fragment CommandServiceToken on ServiceToken {
  id
  name
  role
  hint
  createdAt
  expiresAt
  lastUsedAt
  revokedAt
  state
  createdBy {
    kind
    id: principalId
    name
  }
}
fragment CommandRefusal on UserError {
  code
  message
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
  ... on ValidationError {
    issues {
      path
      message
      code
    }
  }
  ... on OperationInProgressError {
    running: operation {
      id
    }
  }
}
fragment MigrationFaultFields on MigrationFault {
  file
  line
  statement
  sqlState
  detail
  hint
  constraint
}`) as unknown as TypedDocumentString<CommandRevokeServiceTokenMutation, CommandRevokeServiceTokenMutationVariables>;
export const CommandListSigningKeysDocument = new TypedDocumentString(`
    query CommandListSigningKeys {
  signingKeys {
    ...CommandSigningKey
  }
}
    fragment CommandSigningKey on SigningKey {
  id
  state
  createdAt
  signsFrom
  signsUntil
  verifiesUntil
  purgedAt
}`) as unknown as TypedDocumentString<CommandListSigningKeysQuery, CommandListSigningKeysQueryVariables>;
export const CommandRotateSigningKeyDocument = new TypedDocumentString(`
    mutation CommandRotateSigningKey($input: RotateSigningKeyInput!) {
  rotateSigningKey(input: $input) {
    ... on RotateSigningKeyPayload {
      key {
        ...CommandSigningKey
      }
      begun
    }
    ...CommandRefusal
  }
}
    fragment CommandSigningKey on SigningKey {
  id
  state
  createdAt
  signsFrom
  signsUntil
  verifiesUntil
  purgedAt
}
fragment CommandRefusal on UserError {
  code
  message
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
  ... on ValidationError {
    issues {
      path
      message
      code
    }
  }
  ... on OperationInProgressError {
    running: operation {
      id
    }
  }
}
fragment MigrationFaultFields on MigrationFault {
  file
  line
  statement
  sqlState
  detail
  hint
  constraint
}`) as unknown as TypedDocumentString<CommandRotateSigningKeyMutation, CommandRotateSigningKeyMutationVariables>;
export const CommandListAuditEventsDocument = new TypedDocumentString(`
    query CommandListAuditEvents($filter: AuditFilter, $first: Int!, $after: String) {
  auditEvents(filter: $filter, first: $first, after: $after) {
    nodes {
      ...CommandAuditEvent
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    fragment CommandAuditEvent on AuditEvent {
  id
  sequence
  at
  type
  actor {
    kind
    id: principalId
    name
  }
  address
  tenant {
    id
  }
  slug
  operation {
    id
  }
  detail
  prevHash
  hash
}`) as unknown as TypedDocumentString<CommandListAuditEventsQuery, CommandListAuditEventsQueryVariables>;
export const CommandCheckMigrationsDocument = new TypedDocumentString(`
    query CommandCheckMigrations {
  migrationCheck {
    dir
    format
    home
    isolation
    isolationBecause {
      ...CommandFilePlace
    }
    migrations {
      id: migration
      file
      transactional
      apartBecause
    }
    leftOut {
      file
      why
    }
    passedOver {
      ...CommandFilePlace
    }
    extensions {
      name
      wantedBy
    }
    refusals {
      file
      line
      statement
      why
      instead
    }
  }
}
    fragment CommandFilePlace on MigrationFilePlace {
  file
  line
  statement
  why
}`) as unknown as TypedDocumentString<CommandCheckMigrationsQuery, CommandCheckMigrationsQueryVariables>;
export const CommandFindOperationDocument = new TypedDocumentString(`
    query CommandFindOperation($id: ID!) {
  operation(id: $id) {
    ...CommandOperation
  }
}
    fragment CommandResult on OperationResult {
  __typename
  ... on ProvisionPlan {
    dbServer
    isolation
    database
    schema
    ownerRole
    appRole
    secretName
    migrations
    migrationFormat
    passedOver {
      file
      line
      statement
      why
    }
    passedOverCount
    seedSets
    planHash
    laboratory
    firstAdmin
  }
  ... on ProvisionSummary {
    tenantId
    dbServer
    database
    schema
    tables
    migrationsApplied
    schemaVersion
    seedRows {
      set
      rows
    }
    roleLogin
    credential
  }
  ... on MigrationResult {
    version
    applied
    pending
    activated
    checks {
      name
      passed
      message
    }
  }
  ... on AcceptanceResult {
    before {
      migration
      checksum
    }
    after {
      migration
      checksum
    }
    version
  }
  ... on ActivationResult {
    version
    checks {
      name
      passed
      message
    }
  }
  ... on LaboratoryResult {
    laboratoryId
    laboratoryName
    organizationName
    setupName
  }
  ... on SeedResult {
    sets {
      set
      rowsAdded
      tables {
        table
        rows
      }
    }
  }
  ... on SnapshotResult {
    hard
    targets {
      target
      total
      rows
      skipped
    }
  }
  ... on CredentialRotationResult {
    from
    to
    secretVersion
    oldLoginOpenUntil
  }
  ... on CredentialRetirementResult {
    closedRole
    sessionsEnded
  }
  ... on LimitsSetResult {
    roles
    connectionLimit
    statementTimeoutSeconds
    idleInTransactionTimeoutSeconds
  }
  ... on SuspensionResult {
    sessionsEnded
  }
  ... on CleanupResult {
    dropSchema
    removed {
      kind
      name
      server
      ours
    }
    remaining {
      kind
      name
      server
      ours
    }
    unsearched
    people {
      memberships
      invitations
      mails
      identities
    }
  }
  ... on OffboardingResult {
    offboardedFrom
    purgeAfter
    purge
    sessionsEnded
  }
  ... on RestorationResult {
    status
  }
  ... on PurgeResult {
    begun
    evidence {
      server
      database
      schema
      tables
      bytes
      roles
      secretName
    }
    people {
      memberships
      invitations
      mails
      identities
    }
    remaining {
      kind
      name
      server
      ours
    }
  }
}
fragment CommandOperation on Operation {
  id
  kind
  state
  slug
  dryRun
  done
  createdAt
  startedAt
  finishedAt
  tenant {
    id
    adminEmail
  }
  requestedBy {
    kind
    id: principalId
    name
  }
  retryOf {
    id
  }
  error {
    ...OperationErrorFields
  }
  result {
    ...CommandResult
  }
}
fragment MigrationFaultFields on MigrationFault {
  file
  line
  statement
  sqlState
  detail
  hint
  constraint
}
fragment OperationErrorFields on OperationError {
  code
  message
  phase
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
}`) as unknown as TypedDocumentString<CommandFindOperationQuery, CommandFindOperationQueryVariables>;
export const CommandFindWorkersDocument = new TypedDocumentString(`
    query CommandFindWorkers {
  workers {
    alive
    lastSeenAt
  }
}
    `) as unknown as TypedDocumentString<CommandFindWorkersQuery, CommandFindWorkersQueryVariables>;
export const CommandListOperationsDocument = new TypedDocumentString(`
    query CommandListOperations($filter: OperationFilter, $first: Int!, $after: String) {
  operations(filter: $filter, first: $first, after: $after) {
    nodes {
      ...CommandOperation
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    fragment CommandResult on OperationResult {
  __typename
  ... on ProvisionPlan {
    dbServer
    isolation
    database
    schema
    ownerRole
    appRole
    secretName
    migrations
    migrationFormat
    passedOver {
      file
      line
      statement
      why
    }
    passedOverCount
    seedSets
    planHash
    laboratory
    firstAdmin
  }
  ... on ProvisionSummary {
    tenantId
    dbServer
    database
    schema
    tables
    migrationsApplied
    schemaVersion
    seedRows {
      set
      rows
    }
    roleLogin
    credential
  }
  ... on MigrationResult {
    version
    applied
    pending
    activated
    checks {
      name
      passed
      message
    }
  }
  ... on AcceptanceResult {
    before {
      migration
      checksum
    }
    after {
      migration
      checksum
    }
    version
  }
  ... on ActivationResult {
    version
    checks {
      name
      passed
      message
    }
  }
  ... on LaboratoryResult {
    laboratoryId
    laboratoryName
    organizationName
    setupName
  }
  ... on SeedResult {
    sets {
      set
      rowsAdded
      tables {
        table
        rows
      }
    }
  }
  ... on SnapshotResult {
    hard
    targets {
      target
      total
      rows
      skipped
    }
  }
  ... on CredentialRotationResult {
    from
    to
    secretVersion
    oldLoginOpenUntil
  }
  ... on CredentialRetirementResult {
    closedRole
    sessionsEnded
  }
  ... on LimitsSetResult {
    roles
    connectionLimit
    statementTimeoutSeconds
    idleInTransactionTimeoutSeconds
  }
  ... on SuspensionResult {
    sessionsEnded
  }
  ... on CleanupResult {
    dropSchema
    removed {
      kind
      name
      server
      ours
    }
    remaining {
      kind
      name
      server
      ours
    }
    unsearched
    people {
      memberships
      invitations
      mails
      identities
    }
  }
  ... on OffboardingResult {
    offboardedFrom
    purgeAfter
    purge
    sessionsEnded
  }
  ... on RestorationResult {
    status
  }
  ... on PurgeResult {
    begun
    evidence {
      server
      database
      schema
      tables
      bytes
      roles
      secretName
    }
    people {
      memberships
      invitations
      mails
      identities
    }
    remaining {
      kind
      name
      server
      ours
    }
  }
}
fragment CommandOperation on Operation {
  id
  kind
  state
  slug
  dryRun
  done
  createdAt
  startedAt
  finishedAt
  tenant {
    id
    adminEmail
  }
  requestedBy {
    kind
    id: principalId
    name
  }
  retryOf {
    id
  }
  error {
    ...OperationErrorFields
  }
  result {
    ...CommandResult
  }
}
fragment MigrationFaultFields on MigrationFault {
  file
  line
  statement
  sqlState
  detail
  hint
  constraint
}
fragment OperationErrorFields on OperationError {
  code
  message
  phase
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
}`) as unknown as TypedDocumentString<CommandListOperationsQuery, CommandListOperationsQueryVariables>;
export const CommandRetryOperationDocument = new TypedDocumentString(`
    mutation CommandRetryOperation($id: ID!) {
  retryOperation(input: { operationId: $id }) {
    ... on RetryOperationPayload {
      operation {
        ...CommandOperation
      }
    }
    ...CommandRefusal
  }
}
    fragment CommandResult on OperationResult {
  __typename
  ... on ProvisionPlan {
    dbServer
    isolation
    database
    schema
    ownerRole
    appRole
    secretName
    migrations
    migrationFormat
    passedOver {
      file
      line
      statement
      why
    }
    passedOverCount
    seedSets
    planHash
    laboratory
    firstAdmin
  }
  ... on ProvisionSummary {
    tenantId
    dbServer
    database
    schema
    tables
    migrationsApplied
    schemaVersion
    seedRows {
      set
      rows
    }
    roleLogin
    credential
  }
  ... on MigrationResult {
    version
    applied
    pending
    activated
    checks {
      name
      passed
      message
    }
  }
  ... on AcceptanceResult {
    before {
      migration
      checksum
    }
    after {
      migration
      checksum
    }
    version
  }
  ... on ActivationResult {
    version
    checks {
      name
      passed
      message
    }
  }
  ... on LaboratoryResult {
    laboratoryId
    laboratoryName
    organizationName
    setupName
  }
  ... on SeedResult {
    sets {
      set
      rowsAdded
      tables {
        table
        rows
      }
    }
  }
  ... on SnapshotResult {
    hard
    targets {
      target
      total
      rows
      skipped
    }
  }
  ... on CredentialRotationResult {
    from
    to
    secretVersion
    oldLoginOpenUntil
  }
  ... on CredentialRetirementResult {
    closedRole
    sessionsEnded
  }
  ... on LimitsSetResult {
    roles
    connectionLimit
    statementTimeoutSeconds
    idleInTransactionTimeoutSeconds
  }
  ... on SuspensionResult {
    sessionsEnded
  }
  ... on CleanupResult {
    dropSchema
    removed {
      kind
      name
      server
      ours
    }
    remaining {
      kind
      name
      server
      ours
    }
    unsearched
    people {
      memberships
      invitations
      mails
      identities
    }
  }
  ... on OffboardingResult {
    offboardedFrom
    purgeAfter
    purge
    sessionsEnded
  }
  ... on RestorationResult {
    status
  }
  ... on PurgeResult {
    begun
    evidence {
      server
      database
      schema
      tables
      bytes
      roles
      secretName
    }
    people {
      memberships
      invitations
      mails
      identities
    }
    remaining {
      kind
      name
      server
      ours
    }
  }
}
fragment CommandOperation on Operation {
  id
  kind
  state
  slug
  dryRun
  done
  createdAt
  startedAt
  finishedAt
  tenant {
    id
    adminEmail
  }
  requestedBy {
    kind
    id: principalId
    name
  }
  retryOf {
    id
  }
  error {
    ...OperationErrorFields
  }
  result {
    ...CommandResult
  }
}
fragment CommandRefusal on UserError {
  code
  message
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
  ... on ValidationError {
    issues {
      path
      message
      code
    }
  }
  ... on OperationInProgressError {
    running: operation {
      id
    }
  }
}
fragment MigrationFaultFields on MigrationFault {
  file
  line
  statement
  sqlState
  detail
  hint
  constraint
}
fragment OperationErrorFields on OperationError {
  code
  message
  phase
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
}`) as unknown as TypedDocumentString<CommandRetryOperationMutation, CommandRetryOperationMutationVariables>;
export const CommandCancelOperationDocument = new TypedDocumentString(`
    mutation CommandCancelOperation($id: ID!) {
  cancelOperation(input: { operationId: $id }) {
    ... on CancelOperationPayload {
      operation {
        ...CommandOperation
      }
    }
    ...CommandRefusal
  }
}
    fragment CommandResult on OperationResult {
  __typename
  ... on ProvisionPlan {
    dbServer
    isolation
    database
    schema
    ownerRole
    appRole
    secretName
    migrations
    migrationFormat
    passedOver {
      file
      line
      statement
      why
    }
    passedOverCount
    seedSets
    planHash
    laboratory
    firstAdmin
  }
  ... on ProvisionSummary {
    tenantId
    dbServer
    database
    schema
    tables
    migrationsApplied
    schemaVersion
    seedRows {
      set
      rows
    }
    roleLogin
    credential
  }
  ... on MigrationResult {
    version
    applied
    pending
    activated
    checks {
      name
      passed
      message
    }
  }
  ... on AcceptanceResult {
    before {
      migration
      checksum
    }
    after {
      migration
      checksum
    }
    version
  }
  ... on ActivationResult {
    version
    checks {
      name
      passed
      message
    }
  }
  ... on LaboratoryResult {
    laboratoryId
    laboratoryName
    organizationName
    setupName
  }
  ... on SeedResult {
    sets {
      set
      rowsAdded
      tables {
        table
        rows
      }
    }
  }
  ... on SnapshotResult {
    hard
    targets {
      target
      total
      rows
      skipped
    }
  }
  ... on CredentialRotationResult {
    from
    to
    secretVersion
    oldLoginOpenUntil
  }
  ... on CredentialRetirementResult {
    closedRole
    sessionsEnded
  }
  ... on LimitsSetResult {
    roles
    connectionLimit
    statementTimeoutSeconds
    idleInTransactionTimeoutSeconds
  }
  ... on SuspensionResult {
    sessionsEnded
  }
  ... on CleanupResult {
    dropSchema
    removed {
      kind
      name
      server
      ours
    }
    remaining {
      kind
      name
      server
      ours
    }
    unsearched
    people {
      memberships
      invitations
      mails
      identities
    }
  }
  ... on OffboardingResult {
    offboardedFrom
    purgeAfter
    purge
    sessionsEnded
  }
  ... on RestorationResult {
    status
  }
  ... on PurgeResult {
    begun
    evidence {
      server
      database
      schema
      tables
      bytes
      roles
      secretName
    }
    people {
      memberships
      invitations
      mails
      identities
    }
    remaining {
      kind
      name
      server
      ours
    }
  }
}
fragment CommandOperation on Operation {
  id
  kind
  state
  slug
  dryRun
  done
  createdAt
  startedAt
  finishedAt
  tenant {
    id
    adminEmail
  }
  requestedBy {
    kind
    id: principalId
    name
  }
  retryOf {
    id
  }
  error {
    ...OperationErrorFields
  }
  result {
    ...CommandResult
  }
}
fragment CommandRefusal on UserError {
  code
  message
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
  ... on ValidationError {
    issues {
      path
      message
      code
    }
  }
  ... on OperationInProgressError {
    running: operation {
      id
    }
  }
}
fragment MigrationFaultFields on MigrationFault {
  file
  line
  statement
  sqlState
  detail
  hint
  constraint
}
fragment OperationErrorFields on OperationError {
  code
  message
  phase
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
}`) as unknown as TypedDocumentString<CommandCancelOperationMutation, CommandCancelOperationMutationVariables>;
export const CommandListDbServersDocument = new TypedDocumentString(`
    query CommandListDbServers {
  dbServers {
    ...CommandDbServer
    cluster {
      nodes {
        host
        port
        group
        active
        takesTenants
        tenantCount
        bytes
      }
      fault
    }
  }
}
    fragment CommandDbServer on DbServer {
  id
  name
  region
  host
  port
  tlsMode
  kind
  capacityHint
  adminSecretRef
  tenantDatabase
  status
  labels {
    key
    value
  }
  createdAt
  updatedAt
  tenantCount
  freeCapacity
  load
}`) as unknown as TypedDocumentString<CommandListDbServersQuery, CommandListDbServersQueryVariables>;
export const CommandFindDbServerDocument = new TypedDocumentString(`
    query CommandFindDbServer($id: ID!) {
  node(id: $id) {
    ...CommandDbServer
  }
}
    fragment CommandDbServer on DbServer {
  id
  name
  region
  host
  port
  tlsMode
  kind
  capacityHint
  adminSecretRef
  tenantDatabase
  status
  labels {
    key
    value
  }
  createdAt
  updatedAt
  tenantCount
  freeCapacity
  load
}`) as unknown as TypedDocumentString<CommandFindDbServerQuery, CommandFindDbServerQueryVariables>;
export const CommandCheckDbServersDocument = new TypedDocumentString(`
    query CommandCheckDbServers($name: String) {
  dbServerChecks(name: $name) {
    dbServer {
      name
      status
    }
    probed {
      version
      superuser
      citus
    }
    fault
    warnings
    ms
  }
}
    `) as unknown as TypedDocumentString<CommandCheckDbServersQuery, CommandCheckDbServersQueryVariables>;
export const CommandRegisterDbServerDocument = new TypedDocumentString(`
    mutation CommandRegisterDbServer($input: RegisterDbServerInput!) {
  changed: registerDbServer(input: $input) {
    ... on RegisterDbServerPayload {
      dbServer {
        ...CommandDbServer
      }
    }
    ...CommandRefusal
  }
}
    fragment CommandRefusal on UserError {
  code
  message
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
  ... on ValidationError {
    issues {
      path
      message
      code
    }
  }
  ... on OperationInProgressError {
    running: operation {
      id
    }
  }
}
fragment CommandDbServer on DbServer {
  id
  name
  region
  host
  port
  tlsMode
  kind
  capacityHint
  adminSecretRef
  tenantDatabase
  status
  labels {
    key
    value
  }
  createdAt
  updatedAt
  tenantCount
  freeCapacity
  load
}
fragment MigrationFaultFields on MigrationFault {
  file
  line
  statement
  sqlState
  detail
  hint
  constraint
}`) as unknown as TypedDocumentString<CommandRegisterDbServerMutation, CommandRegisterDbServerMutationVariables>;
export const CommandUpdateDbServerDocument = new TypedDocumentString(`
    mutation CommandUpdateDbServer($input: UpdateDbServerInput!) {
  changed: updateDbServer(input: $input) {
    ... on UpdateDbServerPayload {
      dbServer {
        ...CommandDbServer
      }
    }
    ...CommandRefusal
  }
}
    fragment CommandRefusal on UserError {
  code
  message
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
  ... on ValidationError {
    issues {
      path
      message
      code
    }
  }
  ... on OperationInProgressError {
    running: operation {
      id
    }
  }
}
fragment CommandDbServer on DbServer {
  id
  name
  region
  host
  port
  tlsMode
  kind
  capacityHint
  adminSecretRef
  tenantDatabase
  status
  labels {
    key
    value
  }
  createdAt
  updatedAt
  tenantCount
  freeCapacity
  load
}
fragment MigrationFaultFields on MigrationFault {
  file
  line
  statement
  sqlState
  detail
  hint
  constraint
}`) as unknown as TypedDocumentString<CommandUpdateDbServerMutation, CommandUpdateDbServerMutationVariables>;
export const CommandSetDbServerStatusDocument = new TypedDocumentString(`
    mutation CommandSetDbServerStatus($input: SetDbServerStatusInput!) {
  changed: setDbServerStatus(input: $input) {
    ... on SetDbServerStatusPayload {
      dbServer {
        ...CommandDbServer
      }
    }
    ...CommandRefusal
  }
}
    fragment CommandRefusal on UserError {
  code
  message
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
  ... on ValidationError {
    issues {
      path
      message
      code
    }
  }
  ... on OperationInProgressError {
    running: operation {
      id
    }
  }
}
fragment CommandDbServer on DbServer {
  id
  name
  region
  host
  port
  tlsMode
  kind
  capacityHint
  adminSecretRef
  tenantDatabase
  status
  labels {
    key
    value
  }
  createdAt
  updatedAt
  tenantCount
  freeCapacity
  load
}
fragment MigrationFaultFields on MigrationFault {
  file
  line
  statement
  sqlState
  detail
  hint
  constraint
}`) as unknown as TypedDocumentString<CommandSetDbServerStatusMutation, CommandSetDbServerStatusMutationVariables>;
export const CommandTenantHealthDocument = new TypedDocumentString(`
    query CommandTenantHealth($slug: String) {
  tenantHealth(slug: $slug) {
    slug
    tenant {
      status
    }
    healthy
    looked
    findings {
      code
      message
      repair
      safe
      remedies {
        repair
      }
    }
    operation {
      id
    }
  }
}
    `) as unknown as TypedDocumentString<CommandTenantHealthQuery, CommandTenantHealthQueryVariables>;
export const CommandMendTenantsDocument = new TypedDocumentString(`
    mutation CommandMendTenants($input: MendTenantsInput!) {
  mendTenants(input: $input) {
    ... on MendTenantsPayload {
      mended {
        ...CommandMending
      }
      failed {
        ...CommandMending
      }
      operations {
        ...CommandOperation
      }
    }
    ...CommandRefusal
  }
}
    fragment CommandResult on OperationResult {
  __typename
  ... on ProvisionPlan {
    dbServer
    isolation
    database
    schema
    ownerRole
    appRole
    secretName
    migrations
    migrationFormat
    passedOver {
      file
      line
      statement
      why
    }
    passedOverCount
    seedSets
    planHash
    laboratory
    firstAdmin
  }
  ... on ProvisionSummary {
    tenantId
    dbServer
    database
    schema
    tables
    migrationsApplied
    schemaVersion
    seedRows {
      set
      rows
    }
    roleLogin
    credential
  }
  ... on MigrationResult {
    version
    applied
    pending
    activated
    checks {
      name
      passed
      message
    }
  }
  ... on AcceptanceResult {
    before {
      migration
      checksum
    }
    after {
      migration
      checksum
    }
    version
  }
  ... on ActivationResult {
    version
    checks {
      name
      passed
      message
    }
  }
  ... on LaboratoryResult {
    laboratoryId
    laboratoryName
    organizationName
    setupName
  }
  ... on SeedResult {
    sets {
      set
      rowsAdded
      tables {
        table
        rows
      }
    }
  }
  ... on SnapshotResult {
    hard
    targets {
      target
      total
      rows
      skipped
    }
  }
  ... on CredentialRotationResult {
    from
    to
    secretVersion
    oldLoginOpenUntil
  }
  ... on CredentialRetirementResult {
    closedRole
    sessionsEnded
  }
  ... on LimitsSetResult {
    roles
    connectionLimit
    statementTimeoutSeconds
    idleInTransactionTimeoutSeconds
  }
  ... on SuspensionResult {
    sessionsEnded
  }
  ... on CleanupResult {
    dropSchema
    removed {
      kind
      name
      server
      ours
    }
    remaining {
      kind
      name
      server
      ours
    }
    unsearched
    people {
      memberships
      invitations
      mails
      identities
    }
  }
  ... on OffboardingResult {
    offboardedFrom
    purgeAfter
    purge
    sessionsEnded
  }
  ... on RestorationResult {
    status
  }
  ... on PurgeResult {
    begun
    evidence {
      server
      database
      schema
      tables
      bytes
      roles
      secretName
    }
    people {
      memberships
      invitations
      mails
      identities
    }
    remaining {
      kind
      name
      server
      ours
    }
  }
}
fragment CommandOperation on Operation {
  id
  kind
  state
  slug
  dryRun
  done
  createdAt
  startedAt
  finishedAt
  tenant {
    id
    adminEmail
  }
  requestedBy {
    kind
    id: principalId
    name
  }
  retryOf {
    id
  }
  error {
    ...OperationErrorFields
  }
  result {
    ...CommandResult
  }
}
fragment CommandRefusal on UserError {
  code
  message
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
  ... on ValidationError {
    issues {
      path
      message
      code
    }
  }
  ... on OperationInProgressError {
    running: operation {
      id
    }
  }
}
fragment CommandMending on HealthMending {
  slug
  code
  message
  repair
}
fragment MigrationFaultFields on MigrationFault {
  file
  line
  statement
  sqlState
  detail
  hint
  constraint
}
fragment OperationErrorFields on OperationError {
  code
  message
  phase
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
}`) as unknown as TypedDocumentString<CommandMendTenantsMutation, CommandMendTenantsMutationVariables>;
export const CommandListTenantsDocument = new TypedDocumentString(`
    query CommandListTenants($filter: TenantFilter, $first: Int!, $after: String) {
  tenants(filter: $filter, first: $first, after: $after) {
    nodes {
      ...CommandTenant
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    fragment CommandTenantProfile on Tenant {
  vertical
  states
  tier
  timeZone
  supportEmail
  supportPhone
}
fragment CommandTenant on Tenant {
  id
  slug
  name
  status
  isolation
  databaseName
  schemaName
  ownerRole
  appRole
  secretName
  schemaVersion
  migrationsApplied
  seedSets
  adminEmail
  region
  ...CommandTenantProfile
  limits {
    ...CommandLimits
  }
  onBehalfOf
  createdAt
  updatedAt
  activatedAt
  offboardedFrom
  purgeAfter
  lockedAt
  lockReason
  credentialsRotatedAt
  retiringUntil: oldLoginOpenUntil
  failure {
    code
    message
  }
}
fragment CommandLimits on TenantLimits {
  connectionLimit
  statementTimeoutSeconds
  idleInTransactionTimeoutSeconds
  own
}`) as unknown as TypedDocumentString<CommandListTenantsQuery, CommandListTenantsQueryVariables>;
export const CommandFindTenantDocument = new TypedDocumentString(`
    query CommandFindTenant($by: TenantBy!) {
  tenant(by: $by) {
    ...CommandTenant
    dbServer {
      name
    }
    clusterPlace {
      bytes
      fault
      node {
        host
        port
        group
      }
    }
    operations(first: 10) {
      nodes {
        id
        kind
        state
        createdAt
      }
    }
  }
}
    fragment CommandTenantProfile on Tenant {
  vertical
  states
  tier
  timeZone
  supportEmail
  supportPhone
}
fragment CommandTenant on Tenant {
  id
  slug
  name
  status
  isolation
  databaseName
  schemaName
  ownerRole
  appRole
  secretName
  schemaVersion
  migrationsApplied
  seedSets
  adminEmail
  region
  ...CommandTenantProfile
  limits {
    ...CommandLimits
  }
  onBehalfOf
  createdAt
  updatedAt
  activatedAt
  offboardedFrom
  purgeAfter
  lockedAt
  lockReason
  credentialsRotatedAt
  retiringUntil: oldLoginOpenUntil
  failure {
    code
    message
  }
}
fragment CommandLimits on TenantLimits {
  connectionLimit
  statementTimeoutSeconds
  idleInTransactionTimeoutSeconds
  own
}`) as unknown as TypedDocumentString<CommandFindTenantQuery, CommandFindTenantQueryVariables>;
export const CommandUpdateTenantDocument = new TypedDocumentString(`
    mutation CommandUpdateTenant($input: UpdateTenantInput!) {
  updateTenant(input: $input) {
    ... on UpdateTenantPayload {
      tenant {
        id
        slug
        name
        ...CommandTenantProfile
        limits {
          ...CommandLimits
        }
      }
      operation {
        ...CommandOperation
      }
    }
    ...CommandRefusal
  }
}
    fragment CommandResult on OperationResult {
  __typename
  ... on ProvisionPlan {
    dbServer
    isolation
    database
    schema
    ownerRole
    appRole
    secretName
    migrations
    migrationFormat
    passedOver {
      file
      line
      statement
      why
    }
    passedOverCount
    seedSets
    planHash
    laboratory
    firstAdmin
  }
  ... on ProvisionSummary {
    tenantId
    dbServer
    database
    schema
    tables
    migrationsApplied
    schemaVersion
    seedRows {
      set
      rows
    }
    roleLogin
    credential
  }
  ... on MigrationResult {
    version
    applied
    pending
    activated
    checks {
      name
      passed
      message
    }
  }
  ... on AcceptanceResult {
    before {
      migration
      checksum
    }
    after {
      migration
      checksum
    }
    version
  }
  ... on ActivationResult {
    version
    checks {
      name
      passed
      message
    }
  }
  ... on LaboratoryResult {
    laboratoryId
    laboratoryName
    organizationName
    setupName
  }
  ... on SeedResult {
    sets {
      set
      rowsAdded
      tables {
        table
        rows
      }
    }
  }
  ... on SnapshotResult {
    hard
    targets {
      target
      total
      rows
      skipped
    }
  }
  ... on CredentialRotationResult {
    from
    to
    secretVersion
    oldLoginOpenUntil
  }
  ... on CredentialRetirementResult {
    closedRole
    sessionsEnded
  }
  ... on LimitsSetResult {
    roles
    connectionLimit
    statementTimeoutSeconds
    idleInTransactionTimeoutSeconds
  }
  ... on SuspensionResult {
    sessionsEnded
  }
  ... on CleanupResult {
    dropSchema
    removed {
      kind
      name
      server
      ours
    }
    remaining {
      kind
      name
      server
      ours
    }
    unsearched
    people {
      memberships
      invitations
      mails
      identities
    }
  }
  ... on OffboardingResult {
    offboardedFrom
    purgeAfter
    purge
    sessionsEnded
  }
  ... on RestorationResult {
    status
  }
  ... on PurgeResult {
    begun
    evidence {
      server
      database
      schema
      tables
      bytes
      roles
      secretName
    }
    people {
      memberships
      invitations
      mails
      identities
    }
    remaining {
      kind
      name
      server
      ours
    }
  }
}
fragment CommandTenantProfile on Tenant {
  vertical
  states
  tier
  timeZone
  supportEmail
  supportPhone
}
fragment CommandOperation on Operation {
  id
  kind
  state
  slug
  dryRun
  done
  createdAt
  startedAt
  finishedAt
  tenant {
    id
    adminEmail
  }
  requestedBy {
    kind
    id: principalId
    name
  }
  retryOf {
    id
  }
  error {
    ...OperationErrorFields
  }
  result {
    ...CommandResult
  }
}
fragment CommandRefusal on UserError {
  code
  message
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
  ... on ValidationError {
    issues {
      path
      message
      code
    }
  }
  ... on OperationInProgressError {
    running: operation {
      id
    }
  }
}
fragment CommandLimits on TenantLimits {
  connectionLimit
  statementTimeoutSeconds
  idleInTransactionTimeoutSeconds
  own
}
fragment MigrationFaultFields on MigrationFault {
  file
  line
  statement
  sqlState
  detail
  hint
  constraint
}
fragment OperationErrorFields on OperationError {
  code
  message
  phase
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
}`) as unknown as TypedDocumentString<CommandUpdateTenantMutation, CommandUpdateTenantMutationVariables>;
export const CommandLockTenantDocument = new TypedDocumentString(`
    mutation CommandLockTenant($input: LockTenantInput!) {
  changed: lockTenant(input: $input) {
    ...CommandLockChange
    ...CommandRefusal
  }
}
    fragment CommandRefusal on UserError {
  code
  message
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
  ... on ValidationError {
    issues {
      path
      message
      code
    }
  }
  ... on OperationInProgressError {
    running: operation {
      id
    }
  }
}
fragment CommandLockChange on TenantPayload {
  tenant {
    id
    slug
    lockedAt
    lockReason
  }
}
fragment MigrationFaultFields on MigrationFault {
  file
  line
  statement
  sqlState
  detail
  hint
  constraint
}`) as unknown as TypedDocumentString<CommandLockTenantMutation, CommandLockTenantMutationVariables>;
export const CommandUnlockTenantDocument = new TypedDocumentString(`
    mutation CommandUnlockTenant($input: UnlockTenantInput!) {
  changed: unlockTenant(input: $input) {
    ...CommandLockChange
    ...CommandRefusal
  }
}
    fragment CommandRefusal on UserError {
  code
  message
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
  ... on ValidationError {
    issues {
      path
      message
      code
    }
  }
  ... on OperationInProgressError {
    running: operation {
      id
    }
  }
}
fragment CommandLockChange on TenantPayload {
  tenant {
    id
    slug
    lockedAt
    lockReason
  }
}
fragment MigrationFaultFields on MigrationFault {
  file
  line
  statement
  sqlState
  detail
  hint
  constraint
}`) as unknown as TypedDocumentString<CommandUnlockTenantMutation, CommandUnlockTenantMutationVariables>;
export const CommandCleanupFailedTenantsDocument = new TypedDocumentString(`
    mutation CommandCleanupFailedTenants($input: CleanupFailedTenantsInput!) {
  started: cleanupFailedTenants(input: $input) {
    ... on CleanupFailedTenantsPayload {
      results {
        slug
        operation {
          ...CommandOperation
        }
        error {
          ...CommandRefusal
        }
      }
    }
    ...CommandRefusal
  }
}
    fragment CommandResult on OperationResult {
  __typename
  ... on ProvisionPlan {
    dbServer
    isolation
    database
    schema
    ownerRole
    appRole
    secretName
    migrations
    migrationFormat
    passedOver {
      file
      line
      statement
      why
    }
    passedOverCount
    seedSets
    planHash
    laboratory
    firstAdmin
  }
  ... on ProvisionSummary {
    tenantId
    dbServer
    database
    schema
    tables
    migrationsApplied
    schemaVersion
    seedRows {
      set
      rows
    }
    roleLogin
    credential
  }
  ... on MigrationResult {
    version
    applied
    pending
    activated
    checks {
      name
      passed
      message
    }
  }
  ... on AcceptanceResult {
    before {
      migration
      checksum
    }
    after {
      migration
      checksum
    }
    version
  }
  ... on ActivationResult {
    version
    checks {
      name
      passed
      message
    }
  }
  ... on LaboratoryResult {
    laboratoryId
    laboratoryName
    organizationName
    setupName
  }
  ... on SeedResult {
    sets {
      set
      rowsAdded
      tables {
        table
        rows
      }
    }
  }
  ... on SnapshotResult {
    hard
    targets {
      target
      total
      rows
      skipped
    }
  }
  ... on CredentialRotationResult {
    from
    to
    secretVersion
    oldLoginOpenUntil
  }
  ... on CredentialRetirementResult {
    closedRole
    sessionsEnded
  }
  ... on LimitsSetResult {
    roles
    connectionLimit
    statementTimeoutSeconds
    idleInTransactionTimeoutSeconds
  }
  ... on SuspensionResult {
    sessionsEnded
  }
  ... on CleanupResult {
    dropSchema
    removed {
      kind
      name
      server
      ours
    }
    remaining {
      kind
      name
      server
      ours
    }
    unsearched
    people {
      memberships
      invitations
      mails
      identities
    }
  }
  ... on OffboardingResult {
    offboardedFrom
    purgeAfter
    purge
    sessionsEnded
  }
  ... on RestorationResult {
    status
  }
  ... on PurgeResult {
    begun
    evidence {
      server
      database
      schema
      tables
      bytes
      roles
      secretName
    }
    people {
      memberships
      invitations
      mails
      identities
    }
    remaining {
      kind
      name
      server
      ours
    }
  }
}
fragment CommandOperation on Operation {
  id
  kind
  state
  slug
  dryRun
  done
  createdAt
  startedAt
  finishedAt
  tenant {
    id
    adminEmail
  }
  requestedBy {
    kind
    id: principalId
    name
  }
  retryOf {
    id
  }
  error {
    ...OperationErrorFields
  }
  result {
    ...CommandResult
  }
}
fragment CommandRefusal on UserError {
  code
  message
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
  ... on ValidationError {
    issues {
      path
      message
      code
    }
  }
  ... on OperationInProgressError {
    running: operation {
      id
    }
  }
}
fragment MigrationFaultFields on MigrationFault {
  file
  line
  statement
  sqlState
  detail
  hint
  constraint
}
fragment OperationErrorFields on OperationError {
  code
  message
  phase
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
}`) as unknown as TypedDocumentString<CommandCleanupFailedTenantsMutation, CommandCleanupFailedTenantsMutationVariables>;
export const CommandRotateAllTenantCredentialsDocument = new TypedDocumentString(`
    mutation CommandRotateAllTenantCredentials($input: RotateAllTenantCredentialsInput!) {
  started: rotateAllTenantCredentials(input: $input) {
    ... on RotateAllTenantCredentialsPayload {
      results {
        slug
        operation {
          ...CommandOperation
        }
        error {
          ...CommandRefusal
        }
      }
    }
    ...CommandRefusal
  }
}
    fragment CommandResult on OperationResult {
  __typename
  ... on ProvisionPlan {
    dbServer
    isolation
    database
    schema
    ownerRole
    appRole
    secretName
    migrations
    migrationFormat
    passedOver {
      file
      line
      statement
      why
    }
    passedOverCount
    seedSets
    planHash
    laboratory
    firstAdmin
  }
  ... on ProvisionSummary {
    tenantId
    dbServer
    database
    schema
    tables
    migrationsApplied
    schemaVersion
    seedRows {
      set
      rows
    }
    roleLogin
    credential
  }
  ... on MigrationResult {
    version
    applied
    pending
    activated
    checks {
      name
      passed
      message
    }
  }
  ... on AcceptanceResult {
    before {
      migration
      checksum
    }
    after {
      migration
      checksum
    }
    version
  }
  ... on ActivationResult {
    version
    checks {
      name
      passed
      message
    }
  }
  ... on LaboratoryResult {
    laboratoryId
    laboratoryName
    organizationName
    setupName
  }
  ... on SeedResult {
    sets {
      set
      rowsAdded
      tables {
        table
        rows
      }
    }
  }
  ... on SnapshotResult {
    hard
    targets {
      target
      total
      rows
      skipped
    }
  }
  ... on CredentialRotationResult {
    from
    to
    secretVersion
    oldLoginOpenUntil
  }
  ... on CredentialRetirementResult {
    closedRole
    sessionsEnded
  }
  ... on LimitsSetResult {
    roles
    connectionLimit
    statementTimeoutSeconds
    idleInTransactionTimeoutSeconds
  }
  ... on SuspensionResult {
    sessionsEnded
  }
  ... on CleanupResult {
    dropSchema
    removed {
      kind
      name
      server
      ours
    }
    remaining {
      kind
      name
      server
      ours
    }
    unsearched
    people {
      memberships
      invitations
      mails
      identities
    }
  }
  ... on OffboardingResult {
    offboardedFrom
    purgeAfter
    purge
    sessionsEnded
  }
  ... on RestorationResult {
    status
  }
  ... on PurgeResult {
    begun
    evidence {
      server
      database
      schema
      tables
      bytes
      roles
      secretName
    }
    people {
      memberships
      invitations
      mails
      identities
    }
    remaining {
      kind
      name
      server
      ours
    }
  }
}
fragment CommandOperation on Operation {
  id
  kind
  state
  slug
  dryRun
  done
  createdAt
  startedAt
  finishedAt
  tenant {
    id
    adminEmail
  }
  requestedBy {
    kind
    id: principalId
    name
  }
  retryOf {
    id
  }
  error {
    ...OperationErrorFields
  }
  result {
    ...CommandResult
  }
}
fragment CommandRefusal on UserError {
  code
  message
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
  ... on ValidationError {
    issues {
      path
      message
      code
    }
  }
  ... on OperationInProgressError {
    running: operation {
      id
    }
  }
}
fragment MigrationFaultFields on MigrationFault {
  file
  line
  statement
  sqlState
  detail
  hint
  constraint
}
fragment OperationErrorFields on OperationError {
  code
  message
  phase
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
}`) as unknown as TypedDocumentString<CommandRotateAllTenantCredentialsMutation, CommandRotateAllTenantCredentialsMutationVariables>;
export const CommandListInvitationsDocument = new TypedDocumentString(`
    query CommandListInvitations($by: TenantBy!, $first: Int!, $after: String) {
  tenant(by: $by) {
    people: invitations(first: $first, after: $after) {
      nodes {
        id
        identity {
          ...CommandIdentity
        }
        role
        kind
        state
        timesSent
        createdAt
        expiresAt
        acceptedAt
        revokedAt
        mail {
          ...CommandMail
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
}
    fragment CommandMail on TenantMail {
  state
  attempts
  problem
}
fragment CommandIdentity on Identity {
  email
  name
}`) as unknown as TypedDocumentString<CommandListInvitationsQuery, CommandListInvitationsQueryVariables>;
export const CommandListMembersDocument = new TypedDocumentString(`
    query CommandListMembers($by: TenantBy!, $first: Int!, $after: String) {
  tenant(by: $by) {
    people: members(first: $first, after: $after) {
      nodes {
        id
        identity {
          ...CommandIdentity
        }
        role
        since
        lastSignedInAt
        mail {
          ...CommandMail
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
}
    fragment CommandMail on TenantMail {
  state
  attempts
  problem
}
fragment CommandIdentity on Identity {
  email
  name
}`) as unknown as TypedDocumentString<CommandListMembersQuery, CommandListMembersQueryVariables>;
export const CommandInviteTenantAdminDocument = new TypedDocumentString(`
    mutation CommandInviteTenantAdmin($input: InviteTenantAdminInput!) {
  changed: inviteTenantAdmin(input: $input) {
    ... on InviteTenantAdminPayload {
      tenant {
        slug
      }
    }
    ...CommandRefusal
  }
}
    fragment CommandRefusal on UserError {
  code
  message
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
  ... on ValidationError {
    issues {
      path
      message
      code
    }
  }
  ... on OperationInProgressError {
    running: operation {
      id
    }
  }
}
fragment MigrationFaultFields on MigrationFault {
  file
  line
  statement
  sqlState
  detail
  hint
  constraint
}`) as unknown as TypedDocumentString<CommandInviteTenantAdminMutation, CommandInviteTenantAdminMutationVariables>;
export const CommandResendInvitationDocument = new TypedDocumentString(`
    mutation CommandResendInvitation($id: ID!) {
  changed: resendInvitation(input: { invitationId: $id }) {
    ... on ResendInvitationPayload {
      tenant {
        slug
      }
    }
    ...CommandRefusal
  }
}
    fragment CommandRefusal on UserError {
  code
  message
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
  ... on ValidationError {
    issues {
      path
      message
      code
    }
  }
  ... on OperationInProgressError {
    running: operation {
      id
    }
  }
}
fragment MigrationFaultFields on MigrationFault {
  file
  line
  statement
  sqlState
  detail
  hint
  constraint
}`) as unknown as TypedDocumentString<CommandResendInvitationMutation, CommandResendInvitationMutationVariables>;
export const CommandRevokeInvitationDocument = new TypedDocumentString(`
    mutation CommandRevokeInvitation($id: ID!) {
  changed: revokeInvitation(input: { invitationId: $id }) {
    ... on RevokeInvitationPayload {
      tenant {
        slug
      }
    }
    ...CommandRefusal
  }
}
    fragment CommandRefusal on UserError {
  code
  message
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
  ... on ValidationError {
    issues {
      path
      message
      code
    }
  }
  ... on OperationInProgressError {
    running: operation {
      id
    }
  }
}
fragment MigrationFaultFields on MigrationFault {
  file
  line
  statement
  sqlState
  detail
  hint
  constraint
}`) as unknown as TypedDocumentString<CommandRevokeInvitationMutation, CommandRevokeInvitationMutationVariables>;
export const CommandRemoveMembershipDocument = new TypedDocumentString(`
    mutation CommandRemoveMembership($id: ID!) {
  changed: removeMembership(input: { membershipId: $id }) {
    ... on RemoveMembershipPayload {
      tenant {
        slug
      }
    }
    ...CommandRefusal
  }
}
    fragment CommandRefusal on UserError {
  code
  message
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
  ... on ValidationError {
    issues {
      path
      message
      code
    }
  }
  ... on OperationInProgressError {
    running: operation {
      id
    }
  }
}
fragment MigrationFaultFields on MigrationFault {
  file
  line
  statement
  sqlState
  detail
  hint
  constraint
}`) as unknown as TypedDocumentString<CommandRemoveMembershipMutation, CommandRemoveMembershipMutationVariables>;
export const CommandRevealOneTimePasswordDocument = new TypedDocumentString(`
    mutation CommandRevealOneTimePassword($id: ID!) {
  revealOneTimePassword(input: { operationId: $id }) {
    ... on RevealOneTimePasswordPayload {
      email
      oneTimePassword
      expiresAt
    }
    ...CommandRefusal
  }
}
    fragment CommandRefusal on UserError {
  code
  message
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
  ... on ValidationError {
    issues {
      path
      message
      code
    }
  }
  ... on OperationInProgressError {
    running: operation {
      id
    }
  }
}
fragment MigrationFaultFields on MigrationFault {
  file
  line
  statement
  sqlState
  detail
  hint
  constraint
}`) as unknown as TypedDocumentString<CommandRevealOneTimePasswordMutation, CommandRevealOneTimePasswordMutationVariables>;
export const CommandListMailsDocument = new TypedDocumentString(`
    query CommandListMails($by: TenantBy!) {
  tenant(by: $by) {
    invitations {
      nodes {
        identity {
          email
        }
        mail {
          ...CommandMail
        }
      }
    }
    members {
      nodes {
        identity {
          email
        }
        mail {
          ...CommandMail
        }
      }
    }
  }
}
    fragment CommandMail on TenantMail {
  state
  attempts
  problem
}`) as unknown as TypedDocumentString<CommandListMailsQuery, CommandListMailsQueryVariables>;
export const OperationProgressDocument = new TypedDocumentString(`
    subscription OperationProgress($operationId: ID!, $after: String) {
  operationEvents(operationId: $operationId, after: $after) {
    __typename
    cursor
    sequence
    at
    ... on OperationStateChanged {
      operationState
      error {
        ...OperationErrorFields
      }
    }
    ... on PhaseStateChanged {
      phase
      phaseState
      note
      attempt
      error {
        ...OperationErrorFields
      }
    }
    ... on PhaseProgressed {
      phase
      completed
      total
      message
    }
  }
}
    fragment MigrationFaultFields on MigrationFault {
  file
  line
  statement
  sqlState
  detail
  hint
  constraint
}
fragment OperationErrorFields on OperationError {
  code
  message
  phase
  retryable
  nextAction
  migration {
    ...MigrationFaultFields
  }
}`) as unknown as TypedDocumentString<OperationProgressSubscription, OperationProgressSubscriptionVariables>;
export const DemoSignInDocument = new TypedDocumentString(`
    mutation DemoSignIn($input: SignInInput!) {
  signIn(input: $input) {
    __typename
    ... on Session {
      accessToken
      user {
        email
        role
      }
    }
    ... on UserError {
      code
      message
    }
  }
}
    `) as unknown as TypedDocumentString<DemoSignInMutation, DemoSignInMutationVariables>;
export const DemoTenantsDocument = new TypedDocumentString(`
    query DemoTenants($text: String!, $after: String) {
  tenants(filter: { text: $text }, first: 100, after: $after) {
    nodes {
      slug
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    `) as unknown as TypedDocumentString<DemoTenantsQuery, DemoTenantsQueryVariables>;
export const DemoProvisionTenantDocument = new TypedDocumentString(`
    mutation DemoProvisionTenant($input: ProvisionTenantInput!) {
  provisionTenant(input: $input) {
    __typename
    ... on ProvisionTenantPayload {
      operation {
        id
      }
    }
    ... on UserError {
      code
      message
    }
  }
}
    `) as unknown as TypedDocumentString<DemoProvisionTenantMutation, DemoProvisionTenantMutationVariables>;
export const DemoOperationResultDocument = new TypedDocumentString(`
    query DemoOperationResult($id: ID!) {
  operation(id: $id) {
    state
    startedAt
    finishedAt
    error {
      code
      message
    }
    result {
      __typename
      ... on ProvisionSummary {
        tenantId
        dbServer
        database
        schema
        tables
        migrationsApplied
        schemaVersion
        seedRows {
          set
          rows
        }
        roleLogin
      }
    }
  }
}
    `) as unknown as TypedDocumentString<DemoOperationResultQuery, DemoOperationResultQueryVariables>;
export const DemoAcceptInvitationDocument = new TypedDocumentString(`
    mutation DemoAcceptInvitation($input: AcceptInvitationInput!) {
  acceptInvitation(input: $input) {
    __typename
    ... on UserError {
      code
      message
    }
  }
}
    `) as unknown as TypedDocumentString<DemoAcceptInvitationMutation, DemoAcceptInvitationMutationVariables>;
export const DemoTenantSignInDocument = new TypedDocumentString(`
    mutation DemoTenantSignIn($input: TenantSignInInput!) {
  tenantSignIn(input: $input) {
    __typename
    ... on TenantSession {
      role
      identity {
        email
      }
    }
    ... on UserError {
      code
      message
    }
  }
}
    `) as unknown as TypedDocumentString<DemoTenantSignInMutation, DemoTenantSignInMutationVariables>;
export const SignInDocument = new TypedDocumentString(`
    mutation SignIn($input: SignInInput!) {
  signIn(input: $input) {
    __typename
    ... on Session {
      accessToken
      accessTokenExpiresAt
      refreshToken
    }
    ... on UserError {
      code
      message
    }
  }
}
    `) as unknown as TypedDocumentString<SignInMutation, SignInMutationVariables>;
export const ProvisionTenantDocument = new TypedDocumentString(`
    mutation ProvisionTenant($input: ProvisionTenantInput!) {
  provisionTenant(input: $input) {
    __typename
    ... on ProvisionTenantPayload {
      replayed
      operation {
        id
      }
    }
    ... on ValidationError {
      issues {
        path
        message
        code
      }
    }
    ... on UserError {
      code
      message
      nextAction
    }
  }
}
    `) as unknown as TypedDocumentString<ProvisionTenantMutation, ProvisionTenantMutationVariables>;
export const FollowOperationDocument = new TypedDocumentString(`
    subscription FollowOperation($operationId: ID!, $after: String) {
  operationEvents(operationId: $operationId, after: $after) {
    __typename
    cursor
    sequence
    ... on OperationStateChanged {
      operationState
    }
    ... on PhaseStateChanged {
      phase
      phaseState
    }
    ... on PhaseProgressed {
      phase
      completed
      total
    }
  }
}
    `) as unknown as TypedDocumentString<FollowOperationSubscription, FollowOperationSubscriptionVariables>;