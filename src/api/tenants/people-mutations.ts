import type { InputFieldMap } from "@pothos/core";
import { inviteTenantAdmin } from "../../invitations/invite-tenant-admin.ts";
import { removeMembership, resendInvitation, revokeInvitation } from "../../invitations/manage.ts";
import type { Tenant } from "../../tenants/tenant.entity.ts";
import { builder } from "../builder.ts";
import { actorWith } from "../caller.ts";
import type { ApiContext } from "../context.ts";
import { answer, RateLimitedErrorRef, resultOf, ValidationErrorRef } from "../errors.ts";
import { typeName } from "../generate/operations.ts";
import { TenantRef } from "../refs.ts";
import { TenantRoleRef } from "./invitations.ts";

type FieldBuilder = Parameters<Parameters<typeof builder.inputType>[1]["fields"]>[0];

interface PeopleMutation<Input> {
  readonly name: string;
  readonly description: string;
  readonly input: string;
  readonly fields: (t: FieldBuilder) => InputFieldMap;
  readonly act: (context: ApiContext, input: Input) => Promise<Tenant>;
}

/** Adds a mutation about a tenant's people, which answers the tenant. */
function peopleMutation<Input>(mutation: PeopleMutation<Input>): void {
  const { name, description, input, fields, act } = mutation;
  const payload = builder
    .objectRef<{ readonly tenant: Tenant }>(typeName(name, "Payload"))
    .implement({
      description: "The tenant, with its people as they are now.",
      fields: (t) => ({
        tenant: t.expose("tenant", { type: TenantRef, description: "The tenant." }),
      }),
    });
  const inputType = builder.inputType(typeName(name, "Input"), { description: input, fields });
  const result = resultOf<{ readonly tenant: Tenant }>(typeName(name, "Result"), payload, [
    ValidationErrorRef,
    RateLimitedErrorRef,
  ]);
  builder.mutationField(name, (t) =>
    t.field({
      type: result,
      description,
      authScopes: { action: "invitation:write" },
      args: { input: t.arg({ type: inputType, required: true, description: input }) },
      resolve: (_root, args, context) =>
        answer(async () => ({ tenant: await act(context, args.input as Input) })),
    }),
  );
}

export const managePorts = ({ platform: { orm, queue, clock, credentials } }: ApiContext) => ({
  ...{ em: orm.em, queue, clock, credentials },
});
const actorOf = ({ caller }: ApiContext) => actorWith(caller, "invitation:write");

peopleMutation<Parameters<typeof inviteTenantAdmin>[2]>({
  name: "inviteTenantAdmin",
  description:
    "Makes somebody a member of an ACTIVE tenant and sends them an invitation by mail. Whoever has a password already keeps it, and is only told.",
  input: "Whom to invite.",
  fields: (t) => ({
    slug: t.string({ required: true, description: "The tenant's slug." }),
    email: t.string({ required: true, description: "The person's email address." }),
    name: t.string({ description: "The person's name, at most 200 characters." }),
    role: t.field({
      type: TenantRoleRef,
      required: true,
      defaultValue: "ADMIN",
      description: "What the person is to be in the tenant.",
    }),
    allowExistingUser: t.boolean({
      required: true,
      defaultValue: false,
      description: "Whether somebody whom another tenant knows already may be linked to this one.",
    }),
  }),
  act: (context, input) =>
    inviteTenantAdmin(managePorts(context), actorOf(context), {
      ...input,
      name: input.name ?? null,
    }),
});

const which = (t: FieldBuilder) => ({
  invitationId: t.id({ required: true, description: "The UUID of the invitation." }),
});
type Which = { readonly invitationId: string };

peopleMutation<Which>({
  name: "resendInvitation",
  description:
    "Sends an invitation again with a new link; the one before stops working. Also for one that has expired, and in place of a one-time password. It must rest a minute after the first mail, and twice as long after each further one: a day at most.",
  input: "Which invitation.",
  fields: which,
  act: (context, { invitationId }) =>
    resendInvitation(managePorts(context), actorOf(context), invitationId),
});

peopleMutation<Which>({
  name: "revokeInvitation",
  description:
    "Takes an invitation back that was not accepted yet: its link stops working, and the person is no member any more.",
  input: "Which invitation.",
  fields: which,
  act: (context, { invitationId }) =>
    revokeInvitation(managePorts(context), actorOf(context), invitationId),
});

peopleMutation<{ readonly membershipId: string }>({
  name: "removeMembership",
  description:
    "Takes somebody out of a tenant, and their open invitations to it with them. Access tokens that they hold still work for up to 15 minutes.",
  input: "Which membership.",
  fields: (t) => ({
    membershipId: t.id({ required: true, description: "The UUID of the membership." }),
  }),
  act: (context, { membershipId }) =>
    removeMembership(managePorts(context), actorOf(context), membershipId),
});
