import { inspect } from "node:util";
import { DomainError } from "../kernel/domain-error.ts";
import { secretCalled } from "./naming.ts";

/** What is told of a secret beside its value; readable by whoever may list secrets. */
export type SecretTags = Readonly<Record<string, string>>;

/** One version of a secret. Printed, logged or turned into JSON it does not show its value. */
export class Secret {
  readonly value: string;
  readonly version: string;
  readonly tags: SecretTags;

  constructor(value: string, version: string, tags: SecretTags) {
    this.value = value;
    this.version = version;
    this.tags = tags;
  }

  toJSON(): { version: string; tags: SecretTags } {
    return { version: this.version, tags: this.tags };
  }

  [inspect.custom](): string {
    return `Secret(version ${this.version})`;
  }
}

/**
 * Keeps secrets by name, each with its versions. A call is its own transaction: what it wrote
 * stays, whatever the caller's transaction does.
 */
export interface SecretStore {
  /**
   * Answers a secret, null when there is none of this name.
   *
   * @param version as `set` answered it; the newest where it is left out, null when it is not there
   */
  get(name: string, version?: string): Promise<Secret | null>;

  /** Tells what bears a name, also where it is deleted and can still be recovered; null where the name is free. */
  holder(name: string): Promise<SecretHolder | null>;

  /**
   * Stores a new version, which every later `get` answers; older ones give way. So does a deleted one
   * that can be recovered, where it bears these tags.
   *
   * @throws DomainError E_PARTIAL_STATE where it does not: it is somebody else's
   */
  set(name: string, value: string, tags: SecretTags): Promise<{ version: string }>;

  /**
   * Stores what an earlier version holds as a new version, also where the name was deleted meanwhile and can
   * be recovered: of several who do so at once, each has a version of its own to note.
   *
   * @param tags of the new version; a deleted secret with others is somebody else's
   * @returns the new version; null where the wanted one is gone for good
   * @throws DomainError E_PARTIAL_STATE where the name is deleted and somebody else's
   */
  restore(name: string, version: string, tags: SecretTags): Promise<{ version: string } | null>;

  /**
   * Removes every version for good; a name that is not there is fine, and what somebody else has deleted
   * is not touched.
   */
  purge(name: string, condition?: PurgeCondition): Promise<void>;

  /**
   * Asks whether the store can be used at all.
   *
   * @throws DomainError PROVISIONING_UNAVAILABLE
   */
  check(): Promise<void>;
}

/** What must hold for a secret to be removed: looked at directly before each step that takes effect. */
export interface PurgeCondition {
  /** The newest version bears these; what was stored by somebody else stays. */
  readonly tags: SecretTags;
  /** Throws where the secret is not to be removed any more. */
  stillWanted(): Promise<void>;
}

/** Whether what is told of a secret has all of these tags. */
export const bearsTags = (borne: SecretTags | undefined, tags: SecretTags): boolean =>
  Object.entries(tags).every(([name, value]) => borne?.[name] === value);

/**
 * The refusal of what needs the store before anything has begun. What has begun and fails at the store,
 * fails with the store's own E_SECRET_STORE.
 */
export const storeUnusable = (fault: DomainError): DomainError =>
  new DomainError("PROVISIONING_UNAVAILABLE", {
    message: `Provisioning is unavailable: ${fault.message}`,
    detail: fault.detail,
    cause: fault,
  });

/** What bears a secret's name. */
export interface SecretHolder {
  readonly tags: SecretTags;
  /** Whether it is deleted, and can be recovered. */
  readonly deleted: boolean;
}

/** The error of a name that bears what was made for somebody else. @param whom `this tenant` */
export const foreignSecret = (
  name: string,
  { deleted }: Pick<SecretHolder, "deleted">,
  whom = "this",
): DomainError =>
  new DomainError("E_PARTIAL_STATE", {
    message: deleted
      ? `The ${secretCalled(name)} is deleted and recoverable in the secret store, and was not made for ${whom}`
      : `The ${secretCalled(name)} exists already and was not made for ${whom}`,
    detail: { kind: "SECRET", name },
  });

// Key Vault's rule for names, which every adapter keeps; names differ by more than their case.
const NAME = /^[0-9A-Za-z-]{1,127}$/;

/**
 * Answers the form in which a secret's name is kept: lower case, since names ignore it.
 *
 * @throws DomainError E_SECRET_STORE for a name that Key Vault would refuse
 */
export function secretName(raw: string): string {
  if (!NAME.test(raw)) {
    throw new DomainError("E_SECRET_STORE", {
      message: "A secret's name has 1 to 127 letters, digits and hyphens",
      detail: { name: raw.slice(0, 127) },
      retryable: false,
    });
  }
  return raw.toLowerCase();
}
