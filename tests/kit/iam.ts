import type { EntityManager } from "../../src/database/orm.ts";
import type { Role } from "../../src/iam/roles.ts";
import { openStandings, type Standings } from "../../src/iam/standing.ts";
import { openSigningKeys, type SigningKeys } from "../../src/iam/tokens/signing-keys.ts";
import { ensureFirstAdmin } from "../../src/iam/users/first-admin.ts";
import { createPlatformUser } from "../../src/iam/users/platform-users.ts";
import type { Clock } from "../../src/kernel/clock.ts";
import { openLocalSecretStore } from "../../src/secrets/local-secret-store.ts";
import type { SecretStore } from "../../src/secrets/secret-store.ts";
import { openPlatformDatabase, type PlatformDatabase } from "./platform-database.ts";

export const ACTOR = { kind: "SYSTEM", id: "test", name: "test", address: null } as const;
export const PASSWORD = "a quiet river bends";
export const ADDRESS = "192.0.2.7";

/** Tells the real time until the test lets time pass. */
export class TestClock {
  #aheadMs = 0;
  readonly now = () => new Date(Date.now() + this.#aheadMs);

  pass(seconds: number): void {
    this.#aheadMs += seconds * 1000;
  }
}

/** A platform with its secrets and keys, and a clock that the test moves. */
export class IamWorld {
  readonly platform: PlatformDatabase;
  readonly secrets: SecretStore;
  readonly keys: SigningKeys;
  readonly time: TestClock;
  // Fields and no getters: ports are handed on by spreading them.
  readonly em: EntityManager;
  readonly clock: Clock;
  readonly standings: Standings;
  readonly issuer = null;

  constructor(parts: Pick<IamWorld, "platform" | "secrets" | "keys" | "time">) {
    this.platform = parts.platform;
    this.secrets = parts.secrets;
    this.keys = parts.keys;
    this.time = parts.time;
    this.em = parts.platform.orm.em;
    this.clock = parts.time.now;
    this.standings = openStandings(this.em, { newest: null });
  }

  /** Lets time pass, in seconds. */
  pass(seconds: number): void {
    this.time.pass(seconds);
  }

  /** Creates a user who can sign in with `PASSWORD`. */
  async user(email: string, role: Role = "PROVISIONER") {
    const input = { email, name: "A User", role, password: PASSWORD };
    return (await createPlatformUser(this, ACTOR, input)).user;
  }

  firstAdmin(email = "admin@example.com") {
    return ensureFirstAdmin(this, { email });
  }

  /** The audit trail as `TYPE reason` lines, the oldest first. */
  async trail(): Promise<string[]> {
    const rows = await this.platform.sql(
      "select type, detail->>'reason' as reason from platform.audit_event order by sequence",
    );
    return rows.map(({ type, reason }) => [type, reason].filter(Boolean).join(" "));
  }

  async [Symbol.asyncDispose]() {
    await this.keys.close();
    await this.platform[Symbol.asyncDispose]();
  }
}

export async function openIam(): Promise<IamWorld> {
  const platform = await openPlatformDatabase();
  const { em } = platform.orm;
  const time = new TestClock();
  const secrets = await openLocalSecretStore({ em, dataDir: platform.dataDir });
  const keys = await openSigningKeys({ em, secrets, clock: time.now });
  return new IamWorld({ platform, secrets, keys, time });
}
