import { describe, expect, test } from "vitest";
import { DbServerEntity } from "../../src/placement/db-server.entity.ts";
import { type Caller, openTestApi } from "../kit/api.ts";
import { freshSlug } from "../kit/database.ts";
import { OPERATION } from "../kit/documents.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { openSmtp, reply } from "../kit/smtp.ts";
import { followToEnd, provision } from "../kit/tenants.ts";
import { act } from "./_tenant-operations.ts";

const PEOPLE = `tenant { slug
  members { nodes { id role lastSignedInAt identity { email name } mail { state } } }
  invitations { nodes { id state kind role timesSent resendableAt expiresAt revokedAt identity { email }
    mail { state attempts problem nextAttemptAt } } } }`;
const OUTCOME = "__typename ... on UserError { code message }";
const PEOPLE_OF = `query ($slug: String!) { ${PEOPLE.replace("tenant {", "tenant(by: { slug: $slug }) {")} }`;
const mutation = (name: string, Name: string) =>
  `mutation ($input: ${Name}Input!) { ${name}(input: $input) { ${OUTCOME} ... on RateLimitedError { retryAfter } ... on ${Name}Payload { ${PEOPLE} } } }`;
const INVITE = mutation("inviteTenantAdmin", "InviteTenantAdmin");
const RESEND = mutation("resendInvitation", "ResendInvitation");
const REVOKE = mutation("revokeInvitation", "RevokeInvitation");
const REMOVE = mutation("removeMembership", "RemoveMembership");
const SESSION = (name: string, Name: string) =>
  `mutation ($input: ${Name}Input!) { ${name}(input: $input) { ${OUTCOME}
     ... on TenantSession { tenantSlug role identity { email } } } }`;
const UPDATE = `mutation ($input: UpdateTenantInput!) { updateTenant(input: $input) { ${OUTCOME}
  ... on ValidationError { issues { path } }
  ... on UpdateTenantPayload { tenant { name tier vertical supportEmail supportPhone } } } }`;
const DASHBOARD = `{ tenants { nodes { slug tier supportEmail secretName dbServer { name } activeOperation { id }
  operations { totalCount } invitations { nodes { id } } members { nodes { id } } } } }`;

const smtp = perFile(() =>
  openSmtp({
    onRcptTo: ({ address }, _session, done) =>
      done(address.startsWith("gone") ? reply(550, "no such user here") : null),
  }),
);
const world = perFile(() => {
  const mail = { SMTP_URL: `smtp://127.0.0.1:${smtp.port}`, MAIL_FROM: "Acme <ops@acme.test>" };
  return openPlatform({ environment: mail, worker: true });
});
const api = perFile(() => openTestApi(world));
const provisioner = perFile(() => api.as("PROVISIONER"));

async function provisioned(): Promise<string> {
  const slug = freshSlug("people");
  const { operation } = await provision(world.platform, { slug });
  expect(operation.state).toBe("SUCCEEDED");
  return slug;
}

const peopleOf = async (slug: string, caller = provisioner) =>
  (await caller.ask(PEOPLE_OF, { slug })).tenant;
const mailTo = (email: string) => smtp.received.filter((mail) => mail.includes(`To: ${email}`));
const factsAbout = (slug: string, type: string) =>
  world.platform.orm.em
    .fork()
    .execute<{ detail: Record<string, unknown>; actor_name: string }[]>(
      "select detail, actor_name from platform.audit_event where tenant_slug = ? and type = ? order by at",
      [slug, type],
    );

describe("a tenant's people", () => {
  test("are listed, invited, sent another link, revoked and taken out", async () => {
    const slug = await provisioned();
    const owner = `${slug}@acme.test`;
    const bo = `bo-${slug}@acme.test`;
    await expect.poll(() => mailTo(owner), { timeout: 20_000 }).toHaveLength(1);
    const { inviteTenantAdmin } = await provisioner.ask(INVITE, {
      input: { tenant: { slug }, email: bo },
    });
    expect(inviteTenantAdmin.tenant.members.nodes).toMatchObject([
      { role: "ADMIN", lastSignedInAt: null, identity: { email: bo, name: null } },
      { role: "OWNER", identity: { email: owner } },
    ]);
    await expect.poll(() => mailTo(bo), { timeout: 20_000 }).toHaveLength(1);
    expect(mailTo(bo)[0]).toContain("From: Acme <ops@acme.test>");
    const [invitation, first] = (await peopleOf(slug)).invitations.nodes;
    expect(invitation).toMatchObject({ state: "PENDING", kind: "INVITATION", timesSent: 1 });

    const input = { invitationId: invitation.id };
    const tooSoon = (await provisioner.ask(RESEND, { input })).resendInvitation;
    expect(tooSoon).toMatchObject({ __typename: "RateLimitedError", code: "E_RATE_LIMITED" });
    expect(tooSoon.retryAfter).toBeGreaterThan(30);
    await world.platform.orm.em
      .fork()
      .execute("update platform.invitation set sent_at = now() - interval '2 minutes'");
    const { resendInvitation } = await provisioner.ask(RESEND, { input });
    expect(resendInvitation.tenant.invitations.nodes[0]).toMatchObject({ timesSent: 2 });
    await expect.poll(() => mailTo(bo), { timeout: 20_000 }).toHaveLength(2);

    const { revokeInvitation } = await provisioner.ask(REVOKE, { input });
    expect(revokeInvitation.tenant.invitations.nodes[0]).toMatchObject({ state: "REVOKED" });
    expect(revokeInvitation.tenant.members.nodes).toHaveLength(1);
    expect((await provisioner.ask(RESEND, { input })).resendInvitation).toMatchObject({
      code: "E_INVITATION_CLOSED",
    });
    const membershipId = revokeInvitation.tenant.members.nodes[0].id;
    const removed = await provisioner.ask(REMOVE, { input: { membershipId } });
    expect(removed.removeMembership.tenant.members.nodes).toEqual([]);
    expect(removed.removeMembership.tenant.invitations.nodes[1]).toMatchObject({
      id: first.id,
      state: "REVOKED",
    });
    expect(await factsAbout(slug, "INVITATION_RESENT")).toMatchObject([
      { detail: { email: bo, timesSent: 2 } },
    ]);
  });

  test("choose a new password by a mail when they have forgotten it", async () => {
    const slug = await provisioned();
    const owner = `${slug}@acme.test`;
    const anybody = api.anonymous();
    const tokenIn = (at: number) => {
      const mail = mailTo(owner)[at]?.replaceAll("=\r\n", "").replaceAll("=3D", "=") ?? "";
      return /token=([\w.-]+)/.exec(mail)?.[1] ?? "no token";
    };
    const arrived = (count: number) =>
      expect.poll(() => mailTo(owner).length, { timeout: 20_000 }).toBe(count);
    const enter = async (name: string, Name: string, input: object) =>
      (await anybody.ask(SESSION(name, Name), { input }))[name];
    await arrived(1);
    const first = { token: tokenIn(0), newPassword: "a quiet river bends" };
    expect(await enter("acceptInvitation", "AcceptInvitation", first)).toMatchObject({
      tenantSlug: slug,
    });
    const { requestTenantPasswordReset: answer } = await anybody.ask(
      `mutation ($input: RequestTenantPasswordResetInput!) { requestTenantPasswordReset(input: $input) {
         ${OUTCOME} ... on RequestTenantPasswordResetPayload { requested } } }`,
      { input: { slug, email: owner.toUpperCase() } },
    );
    expect(answer).toMatchObject({ requested: true });
    await arrived(2);
    const second = { token: tokenIn(1), newPassword: "another quiet river" };
    const session = await enter("resetTenantPassword", "ResetTenantPassword", second);
    expect(session).toMatchObject({ tenantSlug: slug, identity: { email: owner } });
    expect(await enter("resetTenantPassword", "ResetTenantPassword", second)).toMatchObject({
      code: "E_PASSWORD_RESET_INVALID",
    });
    const password = second.newPassword;
    const signedIn = await enter("tenantSignIn", "TenantSignIn", { slug, email: owner, password });
    expect(signedIn).toMatchObject({ role: "OWNER" });
    expect((await peopleOf(slug)).members.nodes[0].mail).toEqual({ state: "SENT" });
    expect(await factsAbout(slug, "PASSWORD_RESET")).toMatchObject([{ actor_name: owner }]);
  });

  test("whose mail was refused for good are seen with the server's words", async () => {
    const slug = await provisioned();
    await provisioner.ask(INVITE, { input: { tenant: { slug }, email: `gone-${slug}@acme.test` } });
    const mail = async () => (await peopleOf(slug)).invitations.nodes[0].mail;
    await expect.poll(async () => (await mail())?.state, { timeout: 20_000 }).toBe("FAILED");
    expect(await mail()).toMatchObject({ attempts: 1, nextAttemptAt: null });
    expect((await mail()).problem).toContain("no such user here");
  });

  test("are for those who may see them", async () => {
    const slug = await provisioned();
    const support = await api.as("SUPPORT");
    expect((await peopleOf(slug, support)).members.nodes).toHaveLength(1);
    const [{ id: invitationId }] = (await peopleOf(slug, support)).invitations.nodes;
    const refused = await support.send(REVOKE, { input: { invitationId } });
    expect(refused.errors?.[0]?.extensions).toMatchObject({ code: "E_FORBIDDEN" });
    const reader = await peopleOf(slug, await api.as("READONLY"));
    expect(reader).toMatchObject({ slug, members: null, invitations: null });
  });
});

describe("changing a tenant", () => {
  test("sets, clears and leaves fields, and tells the audit trail from and to", async () => {
    const slug = await provisioned();
    const change = async (more: object) =>
      (await provisioner.ask(UPDATE, { input: { tenant: { slug }, ...more } })).updateTenant;
    await change({ tier: "PREMIUM", supportEmail: "Help@Acme.test", vertical: "food" });
    const { tenant } = await change({ name: "Acme & Co", vertical: null });
    expect(tenant).toEqual({
      name: "Acme & Co",
      tier: "PREMIUM",
      vertical: null,
      supportEmail: "help@acme.test",
      supportPhone: null,
    });
    await change({ name: "Acme & Co" });
    const facts = await factsAbout(slug, "TENANT_UPDATED");
    expect(facts.map(({ detail }) => detail.changes)).toEqual([
      [
        { field: "vertical", from: null, to: "food" },
        { field: "tier", from: "STANDARD", to: "PREMIUM" },
        { field: "supportEmail", from: null, to: "help@acme.test" },
      ],
      [
        { field: "name", from: "Acme", to: "Acme & Co" },
        { field: "vertical", from: "food", to: null },
      ],
    ]);
    expect(await change({ supportEmail: "no", supportPhone: "x" })).toMatchObject({
      issues: [{ path: ["supportEmail"] }, { path: ["supportPhone"] }],
    });
    expect(await change({ tier: null })).toMatchObject({
      code: "E_VALIDATION",
      message: expect.stringContaining("tier: must be one of TRIAL, "),
    });
  });

  test("at the same moment as others loses nothing", async () => {
    const slug = await provisioned();
    const changes = [
      { name: "Neu" },
      { tier: "TRIAL" },
      { vertical: "water" },
      { supportEmail: "help@acme.test" },
      { supportPhone: "+49 30 1234567" },
    ];
    await Promise.all(
      changes.map((change) => provisioner.ask(UPDATE, { input: { tenant: { slug }, ...change } })),
    );
    const { updateTenant } = await provisioner.ask(UPDATE, { input: { tenant: { slug } } });
    expect(updateTenant.tenant).toEqual(Object.assign({}, ...changes));
  });
});

describe("BILLING", () => {
  test("reads tenants, changes tier and support contacts, and nothing else", async () => {
    const slug = await provisioned();
    const billing = await api.as("BILLING");
    const { tenants } = await billing.ask(DASHBOARD);
    const hidden = { secretName: null, dbServer: null, activeOperation: null, operations: null };
    const seen = tenants.nodes.find((tenant: { slug: string }) => tenant.slug === slug);
    expect(seen).toMatchObject({ ...hidden, members: null, invitations: null, tier: "STANDARD" });

    const input = { tenant: { slug }, tier: "ENTERPRISE", supportPhone: "+1 555 0100" };
    const { updateTenant } = await billing.ask(UPDATE, { input });
    expect(updateTenant.tenant).toMatchObject({ tier: "ENTERPRISE", supportPhone: "+1 555 0100" });
    for (const [document, variables] of [
      [UPDATE, { input: { tenant: { slug }, tier: "TRIAL", name: "Mine" } }],
      ["{ operations { totalCount } }", {}],
      ["{ dbServers { name } }", {}],
      ["{ tenantHealth { healthy } }", {}],
      [INVITE, { input: { tenant: { slug }, email: "me@acme.test" } }],
    ] as const) {
      const refused = await billing.send(document, variables);
      expect(refused.errors?.[0]?.extensions, document).toMatchObject({ code: "E_FORBIDDEN" });
    }
    const readonly = await (await api.as("READONLY")).send(UPDATE, { input });
    expect(readonly.errors?.[0]?.extensions).toMatchObject({ code: "E_FORBIDDEN" });
    expect(
      (await provisioner.ask(UPDATE, { input: { tenant: { slug } } })).updateTenant.tenant,
    ).toMatchObject({
      name: "Acme",
      tier: "ENTERPRISE",
    });
  });
});

test("BILLING sees nothing of a cluster, and has none asked", async () => {
  const slug = await provisioned();
  const place = "query ($slug: String!) { tenant(by: { slug: $slug }) { clusterPlace { fault } } }";
  const kind = async (kind: "CITUS" | "POSTGRES") => {
    const em = world.platform.orm.em.fork();
    await em.nativeUpdate(DbServerEntity, { name: "default" }, { kind });
  };
  await kind("CITUS");
  try {
    const placeFor = async (role: "READONLY" | "BILLING") =>
      (await (await api.as(role)).ask(place, { slug })).tenant.clusterPlace;
    expect(await placeFor("READONLY")).toEqual({ fault: expect.any(String) });
    expect(await placeFor("BILLING")).toBeNull();
  } finally {
    await kind("POSTGRES");
  }
});

test("READONLY and SUPPORT see the name of a secret nowhere, who may see it does", async () => {
  const slug = freshSlug("hidden");
  const name = `tenant-db-${slug}`;
  const { operation: dry } = await provision(world.platform, { slug }, { dryRun: true });
  await world.platform.secrets.set(name, "postgres://somebody", {});
  const { operation: failed } = await provision(world.platform, { slug });
  expect(failed.error?.message).toContain(name);
  const healthy = await provisioned();
  await world.platform.secrets.purge(`tenant-db-${healthy}`);
  const administrator = await api.as("ADMINISTRATOR");
  const forced = await act(administrator, "activateTenant", {
    slug: healthy,
    force: true,
    reason: "a test",
  });
  const { operation: activation } = await followToEnd(world.platform, forced.operation.id);
  expect(activation.state).toBe("SUCCEEDED");
  const everything = async (caller: Caller) =>
    JSON.stringify([
      await caller.ask(OPERATION, { id: dry.id }),
      await caller.ask(OPERATION, { id: failed.id }),
      await caller.ask(
        `query ($id: ID!) { operation(id: $id) { phases { note error { message } }
           events(first: 100) { nodes { ... on PhaseStateChanged { note error { message } }
             ... on OperationStateChanged { error { message } } } } } }`,
        { id: failed.id },
      ),
      await caller.ask(
        "query ($slug: String!) { tenant(by: { slug: $slug }) { secretName failure { message } } }",
        { slug },
      ),
      await caller.ask(
        "query ($slug: String!) { tenantHealth(slug: $slug) { findings { message } } }",
        {
          slug: healthy,
        },
      ),
      await caller.ask(
        `query ($id: ID!) { operation(id: $id) {
           result { ... on ActivationResult { checks { message } } } } }`,
        { id: activation.id },
      ),
      await caller.ask("{ dbServers { name adminSecretRef } }"),
    ]);
  const seen = await everything(provisioner);
  expect(seen).toContain(name);
  expect(seen).toContain(`tenant-db-${healthy}`);
  expect(seen).toMatch(/"adminSecretRef":"[^"]+"/);
  for (const role of ["READONLY", "SUPPORT"] as const) {
    const caller = await api.as(role);
    const told = await everything(caller);
    expect(told).not.toContain("tenant-db-");
    expect(told).not.toMatch(/"adminSecretRef":"/);
    expect(told).toContain("The secret exists already and was not made for this tenant");
    expect(told).toContain("The secret is gone");
  }
});
