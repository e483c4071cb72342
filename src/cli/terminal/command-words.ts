/** What next actions name as the API does, between backquotes, and what the command has for it. */
export const COMMAND_WORDS: Readonly<Record<string, string>> = {
  acceptMigration: "tenantry tenant accept-migration",
  activateTenant: "tenantry tenant activate",
  cancelOperation: "tenantry operation cancel",
  cleanupFailedTenants: "tenantry tenant cleanup",
  dbServers: "tenantry db-server list",
  disablePlatformUser: "tenantry user disable",
  invitations: "tenantry tenant invitation list",
  inviteTenantAdmin: "tenantry tenant invitation send",
  members: "tenantry tenant member list",
  mendTenants: "tenantry tenant doctor",
  migrateTenant: "tenantry tenant migrate",
  migrationCheck: "tenantry migration check",
  offboardTenant: "tenantry tenant offboard",
  operation: "tenantry operation watch",
  operations: "tenantry operation list",
  platformUsers: "tenantry user list",
  provisionTenant: "tenantry tenant provision",
  purgeTenant: "tenantry tenant purge",
  registerDbServer: "tenantry db-server add",
  removeMembership: "tenantry tenant member remove",
  resendInvitation: "tenantry tenant invitation resend",
  restoreTenant: "tenantry tenant restore",
  resumeTenant: "tenantry tenant resume",
  retireTenantCredentials: "tenantry tenant retire-credentials",
  retryOperation: "tenantry operation retry",
  rotateTenantCredentials: "tenantry tenant rotate-credentials",
  revokeServiceToken: "tenantry token revoke",
  seedTenant: "tenantry seed",
  serviceTokens: "tenantry token list",
  setPlatformUserRole: "tenantry user set-role",
  suspendTenant: "tenantry tenant suspend",
  tenant: "tenantry tenant show",
  tenantHealth: "tenantry tenant doctor",
  tenants: "tenantry tenant list",
  unlockTenant: "tenantry tenant unlock",
  updateDbServer: "tenantry db-server update",
};

/** Fields of inputs that are flags of another name. */
const FLAGS: Readonly<Record<string, string>> = {
  adminSecretRef: "--admin-secret",
  capacityHint: "--capacity",
  confirm: "--yes",
  gracePeriodSeconds: "--grace-period",
  immediately: "--now",
  initialLaboratory: "--lab",
  labels: "--label",
  sets: "sets",
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
