import { randomBytes } from "node:crypto";

/** What the vault answers. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

interface Version {
  readonly id: string;
  readonly value: string;
  readonly tags: Record<string, string>;
}

type State = "LIVE" | "DELETING" | "DELETED" | "RECOVERING" | "PURGING";

interface Kept {
  readonly versions: Version[];
  state: State;
  /** How many more requests find the secret between two states. */
  busyFor: number;
}

const AFTER: Partial<Record<State, State | "GONE">> = {
  DELETING: "DELETED",
  RECOVERING: "LIVE",
  PURGING: "GONE",
};

const CONFLICTS: Partial<Record<State, string>> = {
  DELETING: "ObjectIsBeingDeleted",
  PURGING: "ObjectIsBeingDeleted",
  DELETED: "ObjectIsDeletedButRecoverable",
  RECOVERING: "ObjectIsBeingRecovered",
};

const NAME = /^[0-9A-Za-z-]{1,127}$/;
const MOST_BYTES = 25_600;
const MOST_TAGS = 15;

const fault = (status: number, code: string, reason?: string): Answer => ({
  status,
  body: {
    error: {
      code,
      message: `${code}: ${reason ?? "see the code"}`,
      ...(reason ? { innererror: { code: reason } } : {}),
    },
  },
});
const notFound = (): Answer => fault(404, "SecretNotFound");
const conflict = (state: State): Answer => fault(409, "Conflict", CONFLICTS[state]);

/** A vault's secrets: versions, soft delete, recovering and purging, as the service keeps them. */
export class VaultSecrets {
  origin = "";
  purgeProtection = false;
  /** Deleting, recovering and purging last for so many requests to the secret. */
  slowness = 0;
  readonly #kept = new Map<string, Kept>();

  clear(): void {
    this.#kept.clear();
  }

  /** The state of a secret, null when there is none of this name. */
  stateOf(name: string): State | null {
    return this.#kept.get(name.toLowerCase())?.state ?? null;
  }

  /** Every value that a secret ever had, oldest first. */
  valuesOf(name: string): string[] {
    return (this.#kept.get(name.toLowerCase())?.versions ?? []).map(({ value }) => value);
  }

  /** Names of the secrets that are neither deleted nor purged. */
  liveNames(): string[] {
    return [...this.#kept].filter(([, { state }]) => state === "LIVE").map(([name]) => name);
  }

  /** Names of all that are there, be they deleted and recoverable; what is being purged is gone. */
  names(): string[] {
    return [...this.#kept].filter(([, { state }]) => state !== "PURGING").map(([name]) => name);
  }

  answer(method: string, path: string, body: string): Answer {
    const [, collection = "", name = "", detail = ""] = path.split("/");
    if (!NAME.test(name)) return fault(400, "BadParameter");
    const key = name.toLowerCase();
    const kept = this.#settle(key);
    switch (`${method} ${collection}${detail === "versions" ? "/versions" : ""}`) {
      case "PUT secrets":
        return this.#set(key, kept, body);
      case "GET secrets":
        return this.#get(key, kept, detail);
      case "GET secrets/versions":
        return this.#list(key, kept);
      case "DELETE secrets":
        return this.#delete(key, kept);
      case "GET deletedsecrets":
        return kept?.state === "DELETED" ? this.#tell(key, kept, true) : notFound();
      case "POST deletedsecrets":
        return this.#recover(key, kept);
      case "DELETE deletedsecrets":
        return this.#purge(kept);
      default:
        return fault(405, "MethodNotAllowed");
    }
  }

  /** Lets a secret come to rest when enough requests have found it busy. */
  #settle(key: string): Kept | undefined {
    const kept = this.#kept.get(key);
    const after = kept && AFTER[kept.state];
    if (!after) return kept;
    if (kept.busyFor > 0) {
      kept.busyFor -= 1;
      return kept;
    }
    if (after === "GONE") {
      this.#kept.delete(key);
      return undefined;
    }
    kept.state = after;
    return kept;
  }

  #set(key: string, kept: Kept | undefined, body: string): Answer {
    if (kept && kept.state !== "LIVE") return conflict(kept.state);
    const { value, tags = {} } = JSON.parse(body || "{}") as Partial<Version>;
    const valid =
      typeof value === "string" &&
      Buffer.byteLength(value) <= MOST_BYTES &&
      Object.keys(tags).length <= MOST_TAGS;
    if (!valid) return fault(400, "BadParameter");
    const now: Kept = kept ?? { versions: [], state: "LIVE", busyFor: 0 };
    now.versions.push({ id: randomBytes(16).toString("hex"), value, tags });
    this.#kept.set(key, now);
    return this.#tell(key, now);
  }

  #get(key: string, kept: Kept | undefined, version: string): Answer {
    if (kept?.state !== "LIVE") return notFound();
    const found = kept.versions.find(({ id }) => version === "" || id === version);
    return found ? this.#tell(key, kept, false, version) : notFound();
  }

  #list(key: string, kept: Kept | undefined): Answer {
    if (kept?.state !== "LIVE") return notFound();
    const value = kept.versions.map(({ id, tags }) => ({
      id: `${this.origin}/secrets/${key}/${id}`,
      attributes: this.#attributes(),
      tags,
    }));
    return { status: 200, body: { value, nextLink: null } };
  }

  #delete(key: string, kept: Kept | undefined): Answer {
    if (!kept || kept.state === "DELETED") return notFound();
    if (kept.state !== "LIVE") return conflict(kept.state);
    this.#begin(kept, "DELETING");
    return this.#tell(key, kept, true);
  }

  #recover(key: string, kept: Kept | undefined): Answer {
    if (!kept || kept.state === "LIVE") return notFound();
    if (kept.state !== "DELETED") return conflict(kept.state);
    this.#begin(kept, "RECOVERING");
    return this.#tell(key, kept);
  }

  #purge(kept: Kept | undefined): Answer {
    if (!kept || kept.state === "LIVE") return notFound();
    if (kept.state !== "DELETED") return conflict(kept.state);
    if (this.purgeProtection) return fault(403, "Forbidden", "ForbiddenByPurgeProtection");
    this.#begin(kept, "PURGING");
    return { status: 204 };
  }

  #begin(kept: Kept, state: State): void {
    kept.state = state;
    kept.busyFor = this.slowness;
  }

  #tell(key: string, kept: Kept, deleted = false, version = ""): Answer {
    const newest = kept.versions.at(-1);
    const told = kept.versions.find(({ id }) => id === version) ?? newest;
    const { origin } = this;
    const bundle = {
      id: `${origin}/secrets/${key}/${told?.id}`,
      attributes: this.#attributes(),
      tags: told?.tags,
    };
    const body = deleted
      ? { ...bundle, recoveryId: `${origin}/deletedsecrets/${key}`, deletedDate: 0 }
      : { ...bundle, value: told?.value };
    return { status: 200, body };
  }

  #attributes() {
    const recoveryLevel = this.purgeProtection ? "Recoverable" : "Recoverable+Purgeable";
    return { enabled: true, created: 0, updated: 0, recoveryLevel, recoverableDays: 90 };
  }
}
