import { z } from "zod";
import { InviteInput, inviteTenantAdmin } from "../../invitations/invite-tenant-admin.ts";
import { removeMembership, resendInvitation, revokeInvitation } from "../../invitations/manage.ts";
import type { Tenant } from "../../tenants/tenant.entity.ts";
import { actorOf } from "../caller.ts";
import type { ApiContext } from "../context.ts";
import { RateLimitedErrorRef, ValidationErrorRef } from "../errors.ts";
import { addMutation, type Request, typeName } from "../generate/mutation.ts";
import { TENANT_AGAIN, type TenantPayload, tenantPayload } from "./payload.ts";

interface PeopleMutation {
  readonly name: string;
  readonly description: string;
  readonly input: z.ZodObject;
  /** Whether it takes an idempotency key. */
  readonly once?: true;
  readonly act: (context: ApiContext, request: Request) => Promise<Tenant>;
}

/** Adds a mutation about a tenant's people, which answers the tenant. */
const addPeopleMutation = ({ once, act, ...mutation }: PeopleMutation): void =>
  addMutation<TenantPayload>({
    ...mutation,
    grant: "invitation:write",
    payload: tenantPayload(
      typeName(mutation.name, "Payload"),
      "The tenant, with its people as they are now.",
      "The tenant.",
    ),
    errors: [ValidationErrorRef, RateLimitedErrorRef],
    ...(once ? { once: TENANT_AGAIN } : {}),
    act: async (request, context) => ({ tenant: await act(context, request) }),
  });

export const managePorts = ({ platform: { orm, queue, clock, credentials } }: ApiContext) => ({
  em: orm.em,
  queue,
  clock,
  credentials,
});

addPeopleMutation({
  name: "inviteTenantAdmin",
  description:
    "Makes somebody a member of an ACTIVE tenant and sends them an invitation by mail. Whoever has a password already keeps it, and is only told.",
  input: InviteInput,
  once: true,
  act: (context, request) => inviteTenantAdmin(managePorts(context), actorOf(context), request),
});

const whichInvitation = z
  .object({
    invitationId: z.string().meta({ description: "The UUID of the invitation.", isId: true }),
  })
  .describe("Which invitation.");

addPeopleMutation({
  name: "resendInvitation",
  description:
    "Sends an invitation again with a new link; the one before stops working. Also for one that has expired, and in place of a one-time password. It must rest a minute after the first mail, and twice as long after each further one: a day at most.",
  input: whichInvitation,
  once: true,
  act: (context, { invitationId }) =>
    resendInvitation(managePorts(context), actorOf(context), invitationId as string),
});

addPeopleMutation({
  name: "revokeInvitation",
  description:
    "Takes an invitation back that was not accepted yet: its link stops working, and the person is no member any more.",
  input: whichInvitation,
  act: (context, { invitationId }) =>
    revokeInvitation(managePorts(context), actorOf(context), invitationId as string),
});

addPeopleMutation({
  name: "removeMembership",
  description:
    "Takes somebody out of a tenant, and their open invitations to it with them. Access tokens that they hold still work for up to 15 minutes.",
  input: z
    .object({
      membershipId: z.string().meta({ description: "The UUID of the membership.", isId: true }),
    })
    .describe("Which membership."),
  act: (context, { membershipId }) =>
    removeMembership(managePorts(context), actorOf(context), membershipId as string),
});
