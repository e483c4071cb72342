import { describe, expect, test } from "vitest";
import { clientAddresses } from "../../src/api/transport/client-address.ts";
import { openApi } from "../../src/api/transport/server.ts";
import { openTestApi } from "../kit/api.ts";
import { perFile } from "../kit/lifetime.ts";
import { openOidcIssuer } from "../kit/oidc-issuer.ts";
import { openPlatform } from "../kit/platform.ts";
import { askForEvents, askOverHttp, askOverSocket } from "./_tokens.ts";

describe("the client's address", () => {
  const addressOf = (trusted: readonly string[], peer: string, forwarded?: string | string[]) =>
    clientAddresses(trusted)({
      headers: { "x-forwarded-for": forwarded as string },
      socket: { remoteAddress: peer },
    });
  const PROXIES = ["10.0.0.0/8", "fd00::/8", "192.0.2.1"];

  test.each([
    ["no header", "10.0.0.1", undefined, "10.0.0.1"],
    ["an empty header", "10.0.0.1", " , ", "10.0.0.1"],
    ["one hop", "10.0.0.1", "203.0.113.9", "203.0.113.9"],
    ["a header from nobody that is trusted", "203.0.113.9", "198.51.100.1", "203.0.113.9"],
    ["a chain of proxies", "10.0.0.1", "203.0.113.9, 192.0.2.1, 10.2.3.4", "203.0.113.9"],
    [
      "what the client invented before it",
      "10.0.0.1",
      "10.9.9.9, 1.1.1.1, 203.0.113.9",
      "203.0.113.9",
    ],
    ["proxies only", "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"],
    ["no address at all", "10.0.0.1", "unknown", "10.0.0.1"],
    ["no address behind a proxy", "10.0.0.1", "203.0.113.9, _hidden, 10.0.0.2", "10.0.0.2"],
    ["IPv4 in IPv6's form", "::ffff:10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"],
    ["IPv6", "fd00::1", "2001:db8::7", "2001:db8::7"],
    ["ports", "10.0.0.1", "[2001:db8::7]:443, 10.0.0.4:8080", "2001:db8::7"],
    ["a port after IPv4", "10.0.0.1", "203.0.113.9:5555", "203.0.113.9"],
    ["a zone", "fd00::1%eth0", "203.0.113.9", "203.0.113.9"],
    ["several headers", "10.0.0.1", ["198.51.100.1", "203.0.113.9"], "203.0.113.9"],
  ])("is read from %s", (_what, peer, forwarded, client) => {
    expect(addressOf(PROXIES, peer, forwarded)).toBe(client);
  });

  test("is the peer's where no proxy is trusted, and IPv4 is written in one way", () => {
    expect(addressOf([], "203.0.113.9", "198.51.100.1")).toBe("203.0.113.9");
    expect(addressOf([], "::ffff:203.0.113.9")).toBe("203.0.113.9");
    expect(addressOf(["::ffff:203.0.113.9"], "203.0.113.9", "198.51.100.1")).toBe("198.51.100.1");
  });
});

describe("behind a proxy", () => {
  const oidc = perFile(openOidcIssuer);
  const world = perFile(() => {
    const trusting = { ...oidc.environment, TRUSTED_PROXIES: "127.0.0.1,10.0.0.0/8" };
    return openPlatform({ environment: trusting });
  });
  const api = perFile(() => openTestApi(world));

  const told = async (type: string) =>
    (
      await world.platform.orm.em
        .fork()
        .execute("select address from platform.audit_event where type = ? order by sequence", [
          type,
        ])
    ).map(({ address }) => String(address));

  test.each([
    ["HTTP", askOverHttp],
    ["WebSocket", askOverSocket],
    ["server-sent events", askForEvents],
  ])("the audit trail has the client's address over %s", async (how, ask) => {
    const before = await told("EXTERNAL_USER_ADDED");
    const exp = Math.floor(Date.now() / 1000) + 4;
    const token = await oidc.token({ sub: how, exp });
    await ask(api.url, token, { "x-forwarded-for": "6.6.6.6, 203.0.113.9, 10.0.0.7" });
    expect(await told("EXTERNAL_USER_ADDED")).toEqual([...before, "203.0.113.9"]);
  });

  const FAILED = `mutation ($input: SignInInput!) { signIn(input: $input) { ... on UserError { code } } }`;
  const tryToSignIn = async (url: string, address: string, email: string) => {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", "x-forwarded-for": address },
      body: JSON.stringify({ query: FAILED, variables: { input: { email, password: "wrong" } } }),
    });
    const { data } = (await response.json()) as { data: { signIn: { code: string } } };
    return data.signIn.code;
  };

  test("sign-ins are told of the client, and counted for it alone", async () => {
    const code = await tryToSignIn(api.url, "198.51.100.4", "nobody@example.com");
    expect(code).toBe("E_SIGN_IN_FAILED");
    expect(await told("SIGN_IN_FAILED")).toEqual(["198.51.100.4"]);
    // As if 60 others had failed there just now.
    await world.platform.orm.em
      .fork()
      .execute("update platform.sign_in_attempt set failures = 60, last_failure_at = now()");
    const fail = (address: string, email: string) => tryToSignIn(api.url, address, email);
    expect(await fail("198.51.100.4", "one@example.com")).toBe("E_RATE_LIMITED");
    expect(await fail("198.51.100.5", "two@example.com")).toBe("E_SIGN_IN_FAILED");
  });

  test("a header from a peer that is not trusted is not believed", async () => {
    const { platform } = world;
    const config = { ...platform.config, trustedProxies: [] };
    const open = await openApi({ ...platform, config });
    try {
      await tryToSignIn(open.url, "198.51.100.99", "three@example.com");
      expect((await told("SIGN_IN_FAILED")).at(-1)).toBe("127.0.0.1");
    } finally {
      await open.close();
    }
  });
});
