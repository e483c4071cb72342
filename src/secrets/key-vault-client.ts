import type { TokenCredential } from "@azure/identity";
import type { SecretClient, SecretClientOptions } from "@azure/keyvault-secrets";
import { type LastAnswer, NoIdentity, VaultFault, type VaultRight } from "./key-vault-faults.ts";

/** A name that is asked for to see whether the vault answers; no secret needs to have it. */
export const PROBE = "tenantry-probe";

// Pinned: the client's own default (2026-04-01 in 4.12) moves with its updates, and not every cloud follows.
const SERVICE_VERSION = "2025-07-01";

/** A vault that is away is asked by one call at a time, and by none for so long after each. */
const PAUSE_MS = 3_000;

/** How long the client waits before it asks again; Azure's own default takes seconds to say that nobody is there. */
const RETRY = { retryDelayInMs: 300 };

export interface VaultConnection {
  /** `https://<vault>.vault.azure.net` */
  readonly url: string;
  /** Who enters the vault; `DefaultAzureCredential` where none is given. */
  readonly credential?: TokenCredential;
  readonly options?: SecretClientOptions;
}

/** What is done with which secret, and how long it may take altogether. */
export interface VaultCall {
  readonly right: VaultRight;
  readonly name: string;
  readonly withinMs: number;
}

type Signal = { readonly abortSignal: AbortSignal };
type Work<T> = (client: SecretClient, signal: Signal) => Promise<T>;

interface Opened {
  readonly client: SecretClient;
  /** Whether the vault has asked for credentials and was given them. */
  readonly isAuthenticated: () => boolean;
}

/** Calls a vault with time limits, and tells its faults without a request's content. */
export class KeyVaultClient {
  readonly #connection: VaultConnection;
  readonly #last = new WeakMap<object, LastAnswer>();
  #entered: Promise<SecretClient> | null = null;
  #waitingForIdentity = 0;
  /** Why the vault is away, and until when nobody asks. */
  #away: { readonly fault: VaultFault; readonly until: number } | null = null;

  constructor(connection: VaultConnection) {
    this.#connection = connection;
  }

  /**
   * Calls the vault; 429 and 5xx are tried three more times within the limit, as `Retry-After` says.
   *
   * @throws VaultFault
   */
  async call<T>(call: VaultCall, work: Work<T>): Promise<T> {
    const client = await this.#enter(call);
    return await this.#attempt(call, (signal) => work(client, signal));
  }

  // Until the vault has asked for credentials once, the client sends what it is given without them:
  // the secret's value too, where calls run at once or the first one failed. So the first call
  // carries nothing, everybody waits for it, and a client that was not asked is thrown away.
  async #enter(call: VaultCall): Promise<SecretClient> {
    this.#entered ??= this.#open(call).catch((error: unknown) => {
      this.#entered = null;
      throw error;
    });
    return await this.#entered;
  }

  async #open({ withinMs }: VaultCall): Promise<SecretClient> {
    // Before the vault's time begins: on a busy machine loading the client takes seconds.
    await import("@azure/keyvault-secrets");
    if (!this.#connection.credential) await import("@azure/identity");
    const call = { right: "get", name: PROBE, withinMs } as const;
    return await this.#attempt(call, async ({ abortSignal }) => {
      const { client, isAuthenticated } = await this.#connect();
      try {
        await client.getSecret(PROBE, { abortSignal });
      } catch (error) {
        if (!isAuthenticated()) throw error;
      }
      if (!isAuthenticated()) throw new Error("It did not ask for credentials");
      return client;
    });
  }

  async #connect(): Promise<Opened> {
    // Loaded here: they cost some 380 ms, which only users of a vault should pay.
    const { SecretClient } = await import("@azure/keyvault-secrets");
    const { url, options, credential = await defaultCredential() } = this.#connection;
    let authenticated = false;
    const observed: TokenCredential = {
      getToken: async (scopes, options) => {
        this.#waitingForIdentity += 1;
        try {
          const token = await credential.getToken(scopes, options);
          authenticated = token !== null;
          return token;
        } catch (cause) {
          throw new NoIdentity(cause instanceof Error ? cause.message : String(cause), { cause });
        } finally {
          this.#waitingForIdentity -= 1;
        }
      },
    };
    const client = new SecretClient(url, observed, {
      ...options,
      retryOptions: { ...RETRY, ...options?.retryOptions },
      serviceVersion: SERVICE_VERSION,
      redirectOptions: { maxRetries: 0 },
      additionalPolicies: [{ policy: this.#noteAnswer(), position: "perRetry" }],
    });
    return { client, isAuthenticated: () => authenticated };
  }

  /** Notes what every answer is: a call that is given up would otherwise not tell why it waited. */
  #noteAnswer(): NonNullable<SecretClientOptions["additionalPolicies"]>[number]["policy"] {
    return {
      name: "noteAnswer",
      sendRequest: async (request, next) => {
        const response = await next(request);
        const { status, headers } = response;
        const contentType = headers.get("content-type") ?? null;
        if (request.abortSignal) this.#last.set(request.abortSignal, { status, contentType });
        return response;
      },
    };
  }

  async #attempt<T>(call: VaultCall, work: (signal: Signal) => Promise<T>): Promise<T> {
    this.#refuseWhileAway(call);
    const abortSignal = AbortSignal.timeout(call.withinMs);
    // Credentials do not always obey the signal, so nobody waits for what was given up.
    const late = new Promise<never>((_, reject) => {
      abortSignal.addEventListener("abort", () => reject(abortSignal.reason), { once: true });
    });
    try {
      const answer = await Promise.race([work({ abortSignal }), late]);
      this.#away = null;
      return answer;
    } catch (error) {
      const fault = new VaultFault(error, {
        right: call.right,
        name: call.name,
        gaveUpAfterMs: abortSignal.aborted ? call.withinMs : null,
        last: this.#last.get(abortSignal),
        awaitsIdentity: this.#waitingForIdentity > 0,
      });
      this.#away = fault.isAway ? { fault, until: performance.now() + PAUSE_MS } : null;
      throw fault;
    }
  }

  /** Answers at once while it is known that nobody is there; one call after another finds out. */
  #refuseWhileAway({ withinMs }: VaultCall): void {
    if (this.#away === null) return;
    const now = performance.now();
    if (now < this.#away.until) throw this.#away.fault;
    this.#away = { ...this.#away, until: now + withinMs };
  }
}

async function defaultCredential(): Promise<TokenCredential> {
  const { DefaultAzureCredential } = await import("@azure/identity");
  return new DefaultAzureCredential();
}
