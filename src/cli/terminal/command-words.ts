import operations from "../generated/operations.json" with { type: "json" };

/** What next actions name as the API does, between backquotes, and what the command has for it. */
export const COMMAND_WORDS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(operations.map(({ mutation, words }) => [mutation, `tenantry ${words}`])),
  cancelOperation: "tenantry operation cancel",
  cleanupFailedTenants: "tenantry tenant cleanup",
  dbServers: "tenantry db-server list",
  disablePlatformUser: "tenantry user disable",
  invitations: "tenantry tenant invitation list",
  inviteTenantAdmin: "tenantry tenant invitation send",
  members: "tenantry tenant member list",
  mendTenants: "tenantry tenant doctor",
  migrationCheck: "tenantry migration check",
  operation: "tenantry operation watch",
  operations: "tenantry operation list",
  platformUsers: "tenantry user list",
  registerDbServer: "tenantry db-server add",
  removeMembership: "tenantry tenant member remove",
  resendInvitation: "tenantry tenant invitation resend",
  retryOperation: "tenantry operation retry",
  revokeServiceToken: "tenantry token revoke",
  serviceTokens: "tenantry token list",
  setPlatformUserRole: "tenantry user set-role",
  tenant: "tenantry tenant show",
  tenantHealth: "tenantry tenant doctor",
  tenants: "tenantry tenant list",
  unlockTenant: "tenantry tenant unlock",
  updateDbServer: "tenantry db-server update",
};

/** Fields of inputs that are flags of another name. */
const FLAGS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    operations.flatMap(({ flags }) =>
      flags.map(({ field, flag }) => [
        field,
        flag.startsWith("--") ? (flag.split(" ")[0] ?? "") : field,
      ]),
    ),
  ),
  slug: "--slug",
  confirm: "--yes",
  adminSecretRef: "--admin-secret",
  capacityHint: "--capacity",
  labels: "--label",
  tlsMode: "--tls",
};

/** A field of an input as the flag of a command. */
export const flagOf = (field: string): string =>
  FLAGS[field] ?? `--${field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** A next action as the command tells it: commands for mutations and queries, flags for fields. */
export const inCommandWords = (nextAction: string): string =>
  nextAction.replace(
    /`([a-z]\w*)`/gi,
    (_quoted, name: string) => `\`${COMMAND_WORDS[name] ?? flagOf(name)}\``,
  );
