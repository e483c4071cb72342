import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { type Logger, openLogger } from "../../src/observability/logger.ts";
import { type KeyVaultStoreOptions, openKeyVaultStore } from "../../src/secrets/key-vault-store.ts";
import type { SecretStore } from "../../src/secrets/secret-store.ts";
import { type Answer, VaultSecrets } from "./key-vault-secrets.ts";

const TOKEN = "a-token-that-only-tests-take";
const API_VERSION = "2025-07-01";

/** What the vault was asked, and what it answered; null while it does not. */
interface Asked {
  readonly call: string;
  readonly authorized: boolean;
  status: number | null;
}

/** What goes wrong with the next authorized requests that match. */
interface Fault {
  /** Begins the requests that it befalls, such as `PUT /secrets/`; every one where it is left out. */
  readonly on?: string;
  /** How many it befalls; every one where it is left out. */
  readonly times?: number;
  /** Without a status the request is never answered. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The innermost error code; null answers without a body. */
  readonly reason?: string | null;
}

/** A request that is kept on its way. */
export interface Held {
  readonly arrived: Promise<void>;
  /** Lets it take effect, whatever became of who sent it. */
  release(): void;
}

interface Holding extends Held {
  readonly on: string;
  arrive(): void;
  readonly released: Promise<void>;
}

function newHolding(on: string): Holding {
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  return { on, arrived, arrive, released, release };
}

/** A server that speaks the vault's REST protocol over secrets of its own. */
export interface KeyVault extends AsyncDisposable {
  readonly url: string;
  readonly secrets: VaultSecrets;
  readonly asked: readonly Asked[];
  /** Bodies that came without credentials, where a secret's value would be: must stay empty. */
  readonly exposed: readonly string[];
  fail(fault: Fault): void;
  /** Keeps the next authorized request that begins so on its way, before it takes effect. */
  hold(on: string): Held;
  /** Does away with faults, slowness and purge protection. */
  mend(): void;
  /** Does away with secrets and records as well. */
  reset(): void;
  /** The real client's store on this vault. */
  open(options?: Partial<KeyVaultStoreOptions>): SecretStore;
}

/** Starts a vault on a free port. */
export async function startKeyVault(): Promise<KeyVault> {
  const secrets = new VaultSecrets();
  const asked: Asked[] = [];
  const exposed: string[] = [];
  let faults: (Fault & { left: number })[] = [];

  const takeFault = (call: string): Fault | undefined => {
    const fault = faults.find(({ on = "", left }) => left > 0 && call.startsWith(on));
    if (fault) fault.left -= 1;
    return fault;
  };

  let holdings: Holding[] = [];
  const whileHeld = async (call: string): Promise<void> => {
    const holding = holdings.find(({ on }) => call.startsWith(on));
    holdings = holdings.filter((each) => each !== holding);
    holding?.arrive();
    await holding?.released;
  };

  const mend = () => {
    faults = [];
    secrets.purgeProtection = false;
    secrets.slowness = 0;
  };

  const answer = async (request: IncomingMessage): Promise<Answer | null> => {
    const url = new URL(request.url ?? "/", secrets.origin);
    const body = await text(request);
    const call = `${request.method} ${url.pathname}`;
    const authorized = request.headers.authorization === `Bearer ${TOKEN}`;
    const record: Asked = { call, authorized, status: null };
    asked.push(record);
    if (!authorized && body !== "") exposed.push(body);
    if (authorized) await whileHeld(call);
    const fault = authorized ? takeFault(call) : undefined;
    if (fault && fault.status === undefined) return null;
    const given = !authorized
      ? challenge()
      : fault
        ? faulty(fault)
        : url.searchParams.get("api-version") !== API_VERSION
          ? { status: 400, body: { error: { code: "BadParameter", message: "api-version" } } }
          : secrets.answer(request.method ?? "", url.pathname, body);
    record.status = given.status;
    return given;
  };

  const server = createServer((request, response) => {
    void answer(request).then((given) => {
      if (given === null) return;
      response.writeHead(given.status, { "content-type": "application/json", ...given.headers });
      response.end(given.body === undefined ? undefined : JSON.stringify(given.body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  secrets.origin = url;
  return {
    url,
    secrets,
    asked,
    exposed,
    fail: (fault) => {
      faults.push({ ...fault, left: fault.times ?? Number.POSITIVE_INFINITY });
    },
    hold: (on) => {
      const holding = newHolding(on);
      holdings.push(holding);
      return holding;
    },
    mend,
    reset: () => {
      mend();
      secrets.clear();
      asked.length = 0;
      exposed.length = 0;
    },
    open: (options) => openTestStore(url, options),
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

const SILENT: Logger = openLogger("silent");

/** The store as production opens it, but over plain HTTP, with a fixed token and little patience. */
export const openTestStore = (
  url: string,
  options: Partial<KeyVaultStoreOptions> = {},
): SecretStore =>
  openKeyVaultStore({
    url,
    log: SILENT,
    credential: {
      getToken: async () => ({ token: TOKEN, expiresOnTimestamp: Date.now() + 3_600_000 }),
    },
    ...options,
    options: {
      allowInsecureConnection: true,
      disableChallengeResourceVerification: true,
      retryOptions: { retryDelayInMs: 5, maxRetryDelayInMs: 10 },
      ...options.options,
    },
    patience: { callMs: 20_000, settleMs: 20_000, pauseMs: 5, ...options.patience },
  });

const challenge = (): Answer => ({
  status: 401,
  headers: {
    "www-authenticate": `Bearer authorization="https://login.invalid/${randomBytes(8).toString("hex")}", resource="https://vault.azure.net"`,
  },
  body: {
    error: { code: "Unauthorized", message: "AKV10000: Request is missing a Bearer token." },
  },
});

const faulty = ({ status = 500, headers = {}, reason = "Injected" }: Fault): Answer => ({
  status,
  headers,
  body:
    reason === null
      ? undefined
      : { error: { code: "Fault", message: "injected", innererror: { code: reason } } },
});
