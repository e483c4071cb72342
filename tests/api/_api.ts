import { type Api, openApi } from "../../src/api/transport/server.ts";
import { type Client, openClient } from "../../src/client/client.ts";
import { ensureFirstAdmin } from "../../src/iam/users/first-admin.ts";
import { openPlatform, type TestPlatform } from "../kit/platform.ts";
import { SignIn } from "./documents.ts";

const ADMIN = { email: "root@tenantry.test", password: "quartz-lantern-orbit-91" };

/** A platform with its API open, and its first administrator signed in. */
export interface TestApi extends AsyncDisposable {
  readonly api: Api;
  readonly test: TestPlatform;
  readonly client: Client;
  readonly token: string;
  /** Sends a request as it is; `headers` beside the content type. */
  post(body: unknown, headers?: Record<string, string>): Promise<Response>;
  /** A moment by which the platform's clock runs slow, in milliseconds. */
  readonly delay: { ms: number };
}

/** Opens one; its clock can be made to run slow, so that tokens expire soon. */
export async function openTestApi(environment: Record<string, string> = {}): Promise<TestApi> {
  const delay = { ms: 0 };
  const replace = { clock: () => new Date(Date.now() - delay.ms) };
  const admin = { PLATFORM_ADMIN_EMAIL: ADMIN.email, PLATFORM_ADMIN_PASSWORD: ADMIN.password };
  const test = await openPlatform({ environment: { ...admin, ...environment }, replace });
  const { orm, clock, config } = test.platform;
  await ensureFirstAdmin({ em: orm.em, clock }, config.firstAdmin);
  const api = await openApi(test.platform);
  const token = await signIn(api);
  const client = openClient({ url: api.url, token: () => token });
  return {
    ...{ api, test, client, token, delay },
    post: (body, headers = {}) =>
      fetch(api.url, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          accept: "application/graphql-response+json",
          ...headers,
        },
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
    [Symbol.asyncDispose]: async () => {
      await client.close();
      await api.close();
      await test[Symbol.asyncDispose]();
    },
  };
}

/** Signs the first administrator in, and answers the access token. */
export async function signIn(api: Api): Promise<string> {
  const anonymous = openClient({ url: api.url });
  const { signIn: session } = await anonymous.execute(SignIn, { input: ADMIN });
  if (session.__typename !== "Session") throw new Error(`not signed in: ${session.code}`);
  return session.accessToken;
}
