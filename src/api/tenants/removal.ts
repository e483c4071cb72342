import { tenantMutation } from "./mutation.ts";

const REASON = "Why it is done, 1 to 500 characters, for the audit trail";

tenantMutation({
  name: "suspendTenant",
  description:
    "Takes a tenant out of use: its application cannot log in any more, its open sessions are ended, and nothing is lost.",
  input: "The tenant to suspend.",
  fields: (t) => ({ reason: t.string({ description: `${REASON}.` }) }),
  operation: (operations) => operations.suspendTenant,
});

tenantMutation({
  name: "resumeTenant",
  description: "Takes a suspended tenant into use again, once its application's login has worked.",
  input: "The tenant to resume.",
  operation: (operations) => operations.resumeTenant,
});

tenantMutation({
  name: "offboardTenant",
  description:
    "Takes a tenant out of use for good and starts its retention window, in which it can be restored and after which it is purged.",
  input: "The tenant to offboard.",
  fields: (t) => ({
    retentionDays: t.int({
      defaultValue: 30,
      description: "How many days it can be restored, 0 to 3650; 0 is for administrators.",
    }),
    purge: t.boolean({
      defaultValue: false,
      description: "Whether to purge it right behind: for administrators, with a reason.",
    }),
    reason: t.string({ description: `${REASON}; needed with \`purge\`.` }),
  }),
  operation: (operations) => operations.offboardTenant,
});

tenantMutation({
  name: "restoreTenant",
  description: "Brings an offboarded tenant back exactly as it was.",
  input: "The tenant to restore.",
  operation: (operations) => operations.restoreTenant,
});

tenantMutation({
  name: "purgeTenant",
  action: "tenant:purge",
  description:
    "Removes everything of a tenant whose retention window has ended: schema or database, roles, secret and people. Its operations and the audit trail stay, and its slug is free again. For administrators; a window that ends purges by itself.",
  input: "The tenant to purge.",
  fields: (t) => ({
    immediately: t.boolean({
      defaultValue: false,
      description: "Whether to purge before the window has ended, or without one: with a reason.",
    }),
    reason: t.string({ description: `${REASON}; needed with \`immediately\`.` }),
  }),
  operation: (operations) => operations.purgeTenant,
});
