import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openMailbox } from "../../src/demo/mailbox.ts";
import { openTestApi } from "../kit/api.ts";
import { asSuperuser } from "../kit/database.ts";
import { EVENTS, OPERATION, PROVISION, RETRY } from "../kit/documents.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform } from "../kit/platform.ts";
import { provisionRequest } from "../kit/tenants.ts";

const SESSION = `__typename
  ... on TenantSession { accessToken role tenantSlug identity { email } }
  ... on UserError { code message }`;
const ACCEPT = `mutation ($input: AcceptInvitationInput!) { acceptInvitation(input: $input) { ${SESSION} } }`;
const SIGN_IN = `mutation ($input: TenantSignInInput!) { tenantSignIn(input: $input) { ${SESSION} } }`;
const CHANGE = `mutation ($input: ChangeTenantPasswordInput!) { changeTenantPassword(input: $input) { ${SESSION} } }`;
const REVEAL = `mutation ($id: ID!) { revealOneTimePassword(input: { operationId: $id }) {
  __typename ... on RevealOneTimePasswordPayload { email oneTimePassword } ... on UserError { code } } }`;

const PASSWORD = "nine slow barges drift";

const world = perFile(() => openPlatform({ worker: true }));
const api = perFile(() => openTestApi(world));
const provisioner = perFile(() => api.as("PROVISIONER"));
const anyone = perFile(() => api.anonymous());

async function provisioned(change: object = {}) {
  const input = { ...provisionRequest(), ...change };
  const { provisionTenant } = await provisioner.ask(PROVISION, { input });
  const id: string = provisionTenant.operation.id;
  for await (const _ of provisioner.follow(EVENTS, { id }));
  return { id, slug: input.slug, email: input.adminEmail };
}

/** Provisions, and answers the token of the invitation that arrived in the mail folder. */
async function invited() {
  using mailbox = await openMailbox(join(world.dataDir, "mail"));
  const tenant = await provisioned();
  return { ...tenant, token: await mailbox.invitationTokenFor(tenant.email) };
}

const accept = async (token: string, newPassword = PASSWORD) =>
  (await anyone.ask(ACCEPT, { input: { token, newPassword } })).acceptInvitation;

describe("an invitation", () => {
  test("lets the first admin in, once, who then signs in with the password of their own", async () => {
    const { slug, email, token } = await invited();
    const [account = ""] = email.split("@");
    for (const weak of ["short", "long ".repeat(1_900), "Password2024!", `${account}-2024-now`]) {
      expect(await accept(token, weak)).toMatchObject({ code: "E_WEAK_PASSWORD" });
    }
    const both = await Promise.all([accept(token), accept(token)]);
    expect(both.map(({ __typename }) => __typename).sort()).toEqual([
      "RefusedError",
      "TenantSession",
    ]);
    expect(both.find(({ code }) => code)).toMatchObject({ code: "E_INVITATION_INVALID" });
    const input = { slug, email, password: PASSWORD };
    const { tenantSignIn } = await anyone.ask(SIGN_IN, { input });
    expect(tenantSignIn).toMatchObject({ role: "OWNER", tenantSlug: slug, identity: { email } });
    const wrong = await anyone.ask(SIGN_IN, { input: { ...input, password: "not the password" } });
    expect(wrong.tenantSignIn).toMatchObject({ code: "E_SIGN_IN_FAILED" });
    const asTenant = await api.withToken(tenantSignIn.accessToken).send("{ me { role } }");
    expect(asTenant.status).toBe(401);
  });

  test("that has expired, was altered or never was is refused alike", async () => {
    const { token } = await invited();
    const [id] = token.split(".");
    await asSuperuser(world.platform.databaseUrl, (client) =>
      client.query(
        "update platform.invitation set expires_at = now() - interval '1 second' where id = $1",
        [id],
      ),
    );
    for (const each of [token, `${token}x`, "nothing"]) {
      expect(await accept(each)).toMatchObject({ code: "E_INVITATION_INVALID" });
    }
  });
});

describe("a one-time password", () => {
  test("is shown once to whoever asked for it, and opens nothing until it is changed", async () => {
    const { id, slug, email } = await provisioned({ adminCredential: "ONE_TIME_PASSWORD" });
    const other = await api.as("ADMINISTRATOR");
    const refused = await other.send(REVEAL, { id });
    expect(refused.errors?.[0]?.extensions).toMatchObject({ code: "E_FORBIDDEN" });
    const { revealOneTimePassword } = await provisioner.ask(REVEAL, { id });
    expect(revealOneTimePassword.email).toBe(email);
    const password: string = revealOneTimePassword.oneTimePassword;
    expect((await provisioner.ask(REVEAL, { id })).revealOneTimePassword).toMatchObject({
      code: "E_PASSWORD_REVEALED",
    });

    const { tenantSignIn } = await anyone.ask(SIGN_IN, { input: { slug, email, password } });
    expect(tenantSignIn).toMatchObject({ code: "E_PASSWORD_CHANGE_REQUIRED" });
    const change = { slug, email, currentPassword: password, newPassword: PASSWORD };
    expect((await anyone.ask(CHANGE, { input: change })).changeTenantPassword).toMatchObject({
      role: "OWNER",
    });
    const again = await anyone.ask(SIGN_IN, { input: { slug, email, password: PASSWORD } });
    expect(again.tenantSignIn).toMatchObject({ tenantSlug: slug });
  });

  test("is not to be had from an operation of another kind, nor an operation's cursor from another", async () => {
    const { id, slug } = await provisioned();
    const other = await provisioned();
    const seed = `mutation ($slug: String!) { seedTenant(input: { tenant: { slug: $slug }, sets: ["core"] }) {
      ... on SeedTenantPayload { operation { id } } } }`;
    const { seedTenant } = await provisioner.ask(seed, { slug });
    const seeding: string = seedTenant.operation.id;
    for await (const _ of provisioner.follow(EVENTS, { id: seeding }));
    expect((await provisioner.ask(REVEAL, { id: seeding })).revealOneTimePassword.code).toMatch(
      /^E_/,
    );
    expect((await provisioner.ask(RETRY, { id: seeding })).retryOperation).toMatchObject({
      code: "E_NOT_RETRYABLE",
    });

    const cursors = "query ($id: ID!) { operation(id: $id) { cursor } }";
    const { operation } = await provisioner.ask(cursors, { id: other.id });
    const stray = provisioner.follow(EVENTS, { id, after: operation.cursor });
    await expect(stray.next()).rejects.toThrow("E_INVALID_CURSOR");
    expect((await provisioner.ask(OPERATION, { id: seeding })).operation.kind).toBe("SEED");
  });
});

test("platform sessions are refreshed once each, and end when they are signed out", async () => {
  const password = "plain window facing north";
  const { email } = await world.newUser(password);
  const session =
    "__typename ... on Session { accessToken refreshToken } ... on UserError { code }";
  const signIn = `mutation ($input: SignInInput!) { signIn(input: $input) { ${session} } }`;
  const refresh = `mutation ($token: String!) { refreshSession(input: { refreshToken: $token }) { ${session} } }`;
  const first = (await anyone.ask(signIn, { input: { email, password } })).signIn;
  const second = (await anyone.ask(refresh, { token: first.refreshToken })).refreshSession;
  expect(second.__typename).toBe("Session");
  expect((await api.withToken(second.accessToken).ask("{ me { role } }")).me.role).toBe("READONLY");
  // A token that was used already ends the whole family: somebody has stolen it.
  expect((await anyone.ask(refresh, { token: first.refreshToken })).refreshSession.code).toBe(
    "E_UNAUTHENTICATED",
  );
  expect((await anyone.ask(refresh, { token: second.refreshToken })).refreshSession.code).toBe(
    "E_UNAUTHENTICATED",
  );
});
