import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { isTransient } from "../../src/database/faults.ts";
import { type DomainError, isDomainError } from "../../src/kernel/domain-error.ts";
import { type KeyVault, startKeyVault } from "../kit/key-vault.ts";

const HIDDEN = "postgres://app:very-hidden@host/db";

let vault: KeyVault;
beforeAll(async () => {
  vault = await startKeyVault();
});
beforeEach(() => vault.reset());
afterEach(() => expect(vault.exposed).toEqual([]));
afterAll(() => vault[Symbol.asyncDispose]());

/** What went wrong; it must not tell the secret, however it is printed. */
async function faultOf(call: Promise<unknown>): Promise<DomainError> {
  const error = await call.then(
    () => null,
    (cause: unknown) => cause,
  );
  if (!isDomainError(error)) throw new Error(`not refused as expected: ${inspect(error)}`);
  const printed = inspect(error, { depth: 20, showHidden: true }) + JSON.stringify(error);
  expect(printed).not.toContain("very-hidden");
  return error;
}

const calls = (begin: string) =>
  vault.asked.filter(({ call, authorized }) => authorized && call.startsWith(begin)).length;

describe("a fault of Key Vault", () => {
  test.each([
    [429, { "retry-after": "0" }],
    [503, {}],
    [500, {}],
  ])("of status %i passes by itself when it ends soon", async (status, headers) => {
    vault.fail({ on: "PUT", times: 3, status, headers });
    await vault.open().set("name", HIDDEN, {});
    expect(calls("PUT")).toBe(4);
    expect(vault.secrets.valuesOf("name")).toEqual([HIDDEN]);
  });

  test("of status 429 waits as long as the vault says", async () => {
    const store = vault.open();
    await store.check();
    vault.fail({ on: "PUT", times: 1, status: 429, headers: { "retry-after": "1" } });
    const begun = performance.now();
    await store.set("name", HIDDEN, {});
    expect(performance.now() - begun).toBeGreaterThan(950);
  });

  test.each([
    [429, { "retry-after": "0" }, "Injected", "Key Vault is throttling (429)"],
    [503, {}, "Injected", "Key Vault is not well (503)"],
    [503, {}, null, "Key Vault is not well (503)"],
  ])("of status %i that stays is worth another try", async (status, headers, reason, message) => {
    vault.fail({ on: "PUT", status, headers, reason });
    const fault = await faultOf(vault.open().set("name", HIDDEN, {}));
    expect(fault).toMatchObject({ code: "E_SECRET_STORE", message, retryable: true });
    expect(isTransient(fault)).toBe(true);
    expect(calls("PUT")).toBe(4);
  });

  test("of a vault that wants a longer wait than anybody has says so", async () => {
    vault.fail({ on: "PUT", status: 429, headers: { "retry-after": "60" } });
    const store = vault.open({ patience: { callMs: 200 } });
    const fault = await faultOf(store.set("name", HIDDEN, {}));
    expect(fault.message).toBe("Key Vault did not answer within 0.2 s; its last answer was 429");
    expect(isTransient(fault)).toBe(true);
    expect(calls("PUT")).toBe(1);
  });

  test.each([
    ["get", "GET /secrets/name"],
    ["set", "PUT /secrets/name"],
    ["delete", "DELETE /secrets/name"],
    ["purge", "DELETE /deletedsecrets/name"],
    ["recover", "POST /deletedsecrets/name"],
  ])("tells that the right secrets/%s is missing, and asks no second time", async (right, on) => {
    const store = vault.open();
    await store.set("name", HIDDEN, {});
    if (right === "recover") vault.secrets.answer("DELETE", "/secrets/name", "");
    const before = calls(on);
    vault.fail({ on, status: 403, reason: "ForbiddenByRbac" });
    const act = {
      get: () => store.get("name"),
      set: () => store.set("name", HIDDEN, {}),
      delete: () => store.purge("name"),
      purge: () => store.purge("name"),
      recover: () => store.set("name", HIDDEN, {}),
    }[right];
    const fault = await faultOf(act?.() ?? Promise.resolve());
    expect(fault).toMatchObject({ code: "E_SECRET_STORE", retryable: false });
    expect(fault.message).toContain(`the identity lacks the right secrets/${right}`);
    expect(isTransient(fault)).toBe(false);
    expect(calls(on) - before).toBe(1);
  });

  test.each([
    ["SecretDisabled", "The secret is disabled in Key Vault"],
    ["ForbiddenByFirewall", "Key Vault's network rules refuse this machine"],
  ])("tells %s apart from a missing right", async (reason, message) => {
    vault.fail({ on: "GET /secrets/name", status: 403, reason });
    expect((await faultOf(vault.open().get("name"))).message).toBe(message);
  });

  test("of an unknown path is no absent secret", async () => {
    vault.fail({ on: "GET /secrets/name", status: 404, reason: "NoSuchPage" });
    const fault = await faultOf(vault.open().get("name"));
    expect(fault.message).toBe("Key Vault refuses the request (404 NoSuchPage)");
  });

  test.each(["GET", "PUT", "DELETE"])(
    "that never answers a %s ends in the timeout",
    async (method) => {
      const store = vault.open({ patience: { callMs: 200, settleMs: 200 } });
      await store.set("name", HIDDEN, {});
      vault.fail({ on: `${method} /secrets/name` });
      const act = {
        GET: () => store.get("name"),
        PUT: () => store.set("name", HIDDEN, {}),
        DELETE: () => store.purge("name"),
      }[method];
      const fault = await faultOf(act?.() ?? Promise.resolve());
      expect(fault.message).toBe("Key Vault did not answer within 0.2 s");
      expect(isTransient(fault)).toBe(true);
    },
  );

  test("of an identity that cannot be had ends in the timeout too", async () => {
    const credential = { getToken: () => new Promise<never>(() => {}) };
    const store = vault.open({ credential, patience: { callMs: 100 } });
    const fault = await faultOf(store.set("name", HIDDEN, {}));
    expect(fault.message).toBe("No identity could be had to enter Key Vault within 0.1 s");
  });

  test("of the identity is told without what the vault was sent", async () => {
    const refused = Object.assign(new Error("AADSTS7000215: the client secret is wrong"), {
      name: "AuthenticationError",
      statusCode: 401,
    });
    const credential = { getToken: () => Promise.reject(refused) };
    const fault = await faultOf(vault.open({ credential }).set("name", HIDDEN, {}));
    expect(fault.message).toBe("No identity could be had to enter Key Vault with");
    expect(fault.detail).toMatchObject({ why: "AADSTS7000215: the client secret is wrong" });
  });

  test("of a host that asks for credentials to something else is told as such", async () => {
    const store = vault.open({ options: { disableChallengeResourceVerification: false } });
    const fault = await faultOf(store.set("name", HIDDEN, {}));
    expect(fault.message).toBe("What answers at AZURE_KEY_VAULT_URL is not a Key Vault");
    expect(vault.asked).toHaveLength(1);
  });

  test("of a secret that is being deleted for too long is worth another try", async () => {
    const store = vault.open({ patience: { settleMs: 50, pauseMs: 10 } });
    await store.set("name", "old", {});
    vault.secrets.slowness = 1_000;
    vault.secrets.answer("DELETE", "/secrets/name", "");
    const fault = await faultOf(store.set("name", HIDDEN, {}));
    expect(fault.message).toContain("ObjectIsBeingDeleted");
    expect(isTransient(fault)).toBe(true);
  });
});

describe("the check", () => {
  test.each([
    ["a missing right", { status: 403, reason: "ForbiddenByPolicy" }, 5_000, "secrets/get"],
    ["a vault that does not answer", {}, 100, "did not answer within 0.1 s"],
    ["a vault that is not well", { status: 503 }, 5_000, "not well"],
  ])("answers PROVISIONING_UNAVAILABLE for %s", async (_what, fault, checkMs, why) => {
    vault.fail(fault);
    const refusal = await faultOf(vault.open({ patience: { checkMs } }).check());
    expect(refusal).toMatchObject({ code: "PROVISIONING_UNAVAILABLE", retryable: true });
    expect(refusal.message).toContain(why);
  });

  const SECRET_PAGE = "<p>password=very-hidden</p>";
  const dripping = (response: ServerResponse) => {
    response.write("{");
    const timer = setInterval(() => response.write(" "), 100);
    response.on("close", () => clearInterval(timer));
  };
  test.each<[string, (response: ServerResponse) => void, string, number?]>([
    [
      "a page",
      (response) => response.setHeader("content-type", "text/html; a=b").end(SECRET_PAGE),
      "is not a Key Vault (200 text/html)",
    ],
    ["nothing", (response) => response.end(), "is not a Key Vault (200 without a content type)"],
    ["a byte at a time", dripping, "did not answer within 0.3 s", 300],
    ["a gateway's page", (response) => response.writeHead(502).end(SECRET_PAGE), "502"],
  ])("tells what it got instead: %s", async (_what, answer, why, ms = 5_000) => {
    const server = createServer((_request, response) => answer(response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}`;
    const store = vault.open({ url, patience: { checkMs: ms, callMs: ms } });
    for (const asked of [store.check(), store.set("name", HIDDEN, {})]) {
      const refusal = await faultOf(asked);
      expect(["PROVISIONING_UNAVAILABLE", "E_SECRET_STORE"]).toContain(refusal.code);
      expect(refusal.message).toContain(why);
    }
    server.closeAllConnections();
    server.close();
  });

  test("tells when it is the identity that does not come", async () => {
    const page = () => Promise.reject(new SyntaxError(`Unexpected token in ${SECRET_PAGE}`));
    const never = () => new Promise<never>(() => {});
    for (const [getToken, why] of [
      [page, /^Provisioning is unavailable: No identity could be had to enter Key Vault with$/],
      [never, /No identity could be had to enter Key Vault within 0.1 s/],
    ] as const) {
      const store = vault.open({ credential: { getToken }, patience: { checkMs: 100 } });
      const refusal = await faultOf(store.check());
      expect(refusal).toMatchObject({ code: "PROVISIONING_UNAVAILABLE", retryable: true });
      expect(refusal.message).toMatch(why);
    }
  });
});

describe("a vault that is away", () => {
  test("is asked by one call, answered for at once, and asked again in time", async () => {
    const now = vi.spyOn(performance, "now");
    const begun = performance.now();
    const at = (ms: number) => now.mockReturnValue(begun + ms);
    const store = vault.open({ patience: { callMs: 100 } });
    await store.set("name", "value", {});
    at(0);
    vault.fail({});
    const gaveUp = "Key Vault did not answer within 0.1 s";
    expect((await faultOf(store.get("name"))).message).toBe(gaveUp);
    const before = vault.asked.length;
    for (let time = 0; time < 20; time += 1)
      expect((await faultOf(store.get("name"))).message).toBe(gaveUp);
    expect(vault.asked.length).toBe(before);
    at(3_100);
    const [first, ...others] = Array.from({ length: 5 }, () => faultOf(store.get("name")));
    await Promise.all([first, ...others]);
    expect(vault.asked.length).toBe(before + 1);
    vault.mend();
    at(6_300);
    expect((await store.get("name"))?.value).toBe("value");
    at(6_301);
    expect((await store.get("name"))?.value).toBe("value");
    now.mockRestore();
  });
});
