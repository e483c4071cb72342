import { newId } from "../../src/kernel/ids.ts";
import { register } from "../api/_tenant-operations.ts";
import { freshName, freshSlug } from "../kit/database.ts";
import { provisionRequest } from "../kit/tenants.ts";
import type { Case, Stage, Subject } from "./_cases.ts";
import { throughApi } from "./_doors.ts";
import { provisionWords } from "./_subjects.ts";

/** People of tenants, and how they come in. */
export function peopleCases({ world, administrator }: Stage): Case[] {
  const invited = async (): Promise<Subject> => {
    const slug = await register(world, "ACTIVE");
    const email = `${slug}@people.test`;
    await throughApi(administrator, "inviteTenantAdmin", { slug, email });
    const { tenant } = await administrator.ask(
      `{ tenant(by: { slug: "${slug}" }) { members { nodes { id } } } }`,
    );
    return { slug, membershipId: tenant.members.nodes[0].id };
  };
  const emailOf = ({ slug = "" }: Subject) => `${slug}@people.test`;
  const invite = (slug: string, email: string) => [
    "tenant",
    "invitation",
    "send",
    "--slug",
    slug,
    "--email",
    email,
  ];
  const open = "1" + "x".repeat(80);
  return [
    {
      code: "E_MEMBER_EXISTS",
      about: "a member",
      mutation: "inviteTenantAdmin",
      make: invited,
      input: (subject) => ({ slug: subject.slug, email: emailOf(subject) }),
      words: (subject) => invite(subject.slug ?? "", emailOf(subject)),
    },
    {
      code: "E_OWNER_EXISTS",
      about: "first admin",
      mutation: "provisionTenant",
      make: invited,
      input: (subject) => ({ ...provisionRequest(), adminEmail: emailOf(subject) }),
      words: (subject) => provisionWords(freshSlug(), "--admin-email", emailOf(subject)),
    },
    ...(["SUSPENDED", "FAILED", "OFFBOARDED"] as const).map(
      (status): Case => ({
        code: "E_TENANT_NOT_ACTIVE",
        about: `${status} invites`,
        mutation: "inviteTenantAdmin",
        make: async () => ({ slug: await register(world, status) }),
        input: ({ slug = "" }) => ({ slug, email: `${slug}@people.test` }),
        words: ({ slug = "" }) => invite(slug, `${slug}@people.test`),
      }),
    ),
    ...(
      [
        ["E_MEMBERSHIP_NOT_FOUND", "removeMembership", { membershipId: newId() }],
        ["E_INVITATION_NOT_FOUND", "revokeInvitation", { invitationId: newId() }],
        ["E_INVITATION_INVALID", "acceptInvitation", { token: open, newPassword: open }],
        ["E_PASSWORD_RESET_INVALID", "resetTenantPassword", { token: open, newPassword: open }],
      ] as const
    ).map(
      ([code, mutation, input]): Case => ({
        code,
        mutation,
        about: "nothing such",
        make: async () => ({}),
        input: () => ({ ...input }),
      }),
    ),
  ];
}

/** Platform users and their accounts. */
export function accountCases({ administrator }: Stage, make: Case["make"]): Case[] {
  const user = (email: string, more: object = {}) => ({
    email,
    name: "A user",
    role: "READONLY",
    ...more,
  });
  const of = (code: string, mutation: string, input: () => Record<string, unknown>): Case => ({
    code,
    about: "an account",
    mutation,
    make,
    input,
  });
  return [
    of("E_WEAK_PASSWORD", "createPlatformUser", () =>
      user(`${freshName("weak")}@x.test`, { password: "aaaaaaaaaaaa" }),
    ),
    of("E_PLATFORM_USER_EXISTS", "createPlatformUser", () => user(administrator.email)),
    of("E_PLATFORM_USER_NOT_FOUND", "disablePlatformUser", () => ({ userId: newId() })),
    of("E_SERVICE_TOKEN_NOT_FOUND", "revokeServiceToken", () => ({ id: newId() })),
    of("E_SIGN_IN_FAILED", "signIn", () => ({
      email: `${freshName("nobody")}@x.test`,
      password: "a wrong password",
    })),
  ];
}
