import { newId } from "../../src/kernel/ids.ts";
import type { TenantAct, TenantStatus } from "../../src/tenants/lifecycle.ts";
import { LIFECYCLE, TENANT_STATUSES } from "../../src/tenants/lifecycle.ts";
import { act, register } from "../api/_tenant-operations.ts";
import type { SignedIn, TestApi } from "../kit/api.ts";
import { freshSlug } from "../kit/database.ts";
import type { TestPlatform } from "../kit/platform.ts";
import { provisionRequest } from "../kit/tenants.ts";
import { accountCases, peopleCases } from "./_people.ts";
import { addOperation, provisionWords, withOperation } from "./_subjects.ts";

type Input = Record<string, unknown>;

/** What a request is about: the fields by which other requests can be about the same. */
export interface Subject {
  readonly slug?: string;
  readonly operationId?: string;
  readonly membershipId?: string;
  /** A db server's. */
  readonly name?: string;
}

/** One refusal of the catalogue, as it is provoked. */
export interface Case {
  readonly code: string;
  readonly about: string;
  make(): Promise<Subject>;
  /** The mutation, and its input; what is not about the subject alone. */
  readonly mutation: string;
  input(subject: Subject): Input;
  /** The same by the command, where it has it. */
  words?(subject: Subject): string[];
}

/** Where the cases happen. */
export interface Stage {
  readonly world: TestPlatform;
  readonly api: TestApi;
  readonly administrator: SignedIn;
}

/** Those that somebody asks for; limits are set where a tenant in use is updated. */
type AskedAct = Exclude<TenantAct, "SET_LIMITS">;

/** How each act is asked for at both doors. */
const ACTS: Record<AskedAct, [mutation: string, more: Input, words: (slug: string) => string[]]> = {
  PROVISION: ["provisionTenant", {}, provisionWords],
  MIGRATE: ["migrateTenant", {}, (s) => ["tenant", "migrate", "--slug", s]],
  ACCEPT_MIGRATION: [
    "acceptMigration",
    { migration: "0002_units", reason: "a test" },
    (s) => [
      ...["tenant", "accept-migration", "--slug", s, "--migration", "0002_units"],
      ...["--reason", "a test"],
    ],
  ],
  ACTIVATE: ["activateTenant", {}, (s) => ["tenant", "activate", "--slug", s]],
  ADD_LABORATORY: [
    "addLaboratory",
    { name: "Second" },
    (s) => ["tenant", "add-lab", "--slug", s, "--name", "Second"],
  ],
  SEED: ["seedTenant", { sets: ["core"] }, (s) => ["seed", "core", "--tenant-slug", s]],
  REFRESH_SNAPSHOTS: [
    "refreshSnapshots",
    {},
    (s) => ["snapshot", "refresh-all", "--tenant-slug", s],
  ],
  ROTATE_CREDENTIALS: [
    "rotateTenantCredentials",
    {},
    (s) => ["tenant", "rotate-credentials", "--slug", s],
  ],
  RETIRE_CREDENTIALS: [
    "retireTenantCredentials",
    {},
    (s) => ["tenant", "retire-credentials", "--slug", s],
  ],
  SUSPEND: ["suspendTenant", {}, (s) => ["tenant", "suspend", "--slug", s]],
  RESUME: ["resumeTenant", {}, (s) => ["tenant", "resume", "--slug", s]],
  CLEANUP: ["cleanupFailedTenants", {}, (s) => ["tenant", "cleanup", "--slug", s, "--yes"]],
  OFFBOARD: ["offboardTenant", {}, (s) => ["tenant", "offboard", "--slug", s, "--yes"]],
  RESTORE: ["restoreTenant", {}, (s) => ["tenant", "restore", "--slug", s]],
  PURGE: [
    "purgeTenant",
    { immediately: true, reason: "a test" },
    (s) => ["tenant", "purge", "--slug", s, "--now", "--reason", "a test", "--yes"],
  ],
};

const inputOf = (act: AskedAct, slug: string): Input =>
  act === "PROVISION" ? { ...provisionRequest({ slug }) } : { slug, ...ACTS[act][1] };

/** Every cell of the lifecycle that is refused. */
export const byStatus = ({ world }: Stage): Case[] =>
  TENANT_STATUSES.flatMap((status) =>
    (Object.keys(ACTS) as AskedAct[])
      .filter((act) => LIFECYCLE[status][act] !== "ALLOWED")
      .map((act) => ({
        code: LIFECYCLE[status][act],
        about: `${act} of a tenant that is ${status}`,
        make: async () => ({ slug: await register(world, status) }),
        mutation: ACTS[act][0],
        input: ({ slug = "" }) => inputOf(act, slug),
        words: ({ slug = "" }) => ACTS[act][2](slug),
      })),
  );

/** A purge that waits for the end of the window. */
const AT_THE_END = { immediately: false, reason: null };

/** What is refused to a tenant, or to one act, for a reason of its own. */
export function byReason(stage: Stage): Case[] {
  const { world } = stage;
  const tenant =
    (status: TenantStatus, fields: Parameters<typeof register>[2] = {}) =>
    async (): Promise<Subject> => ({ slug: await register(world, status, fields) });
  const operation =
    (status: TenantStatus, ...[of]: [Parameters<typeof withOperation>[2]]) =>
    (): Promise<Subject> =>
      withOperation(world, status, of);
  const onTenant = (
    code: string,
    about: string,
    kind: AskedAct,
    make: Case["make"],
    more: Input = {},
    words: (slug: string) => string[] = ACTS[kind][2],
  ): Case => ({
    code,
    about,
    make,
    mutation: ACTS[kind][0],
    input: ({ slug = "" }) => ({ ...inputOf(kind, slug), ...more }),
    words: ({ slug = "" }) => words(slug),
  });
  const onOperation = (code: string, about: string, verb: string, make: Case["make"]): Case => ({
    code,
    about,
    make,
    mutation: `${verb}Operation`,
    input: ({ operationId }) => ({ operationId }),
    words: ({ operationId = "" }) => ["operation", verb, operationId],
  });
  const failed = { kind: "PROVISION", state: "FAILED" } as const;
  const later = async (): Promise<Subject> => {
    const subject = await operation("FAILED", failed)();
    await addOperation(world, subject.slug ?? "", { kind: "CLEANUP", state: "FAILED" });
    return subject;
  };
  const running = async (): Promise<Subject> => {
    const slug = await register(world, "ACTIVE");
    const started = await act(stage.administrator, "migrateTenant", { slug });
    return { slug, operationId: started.operation.id };
  };
  const inGrace = { retiringRole: "org_x_app", retiringUntil: new Date(Date.now() + 3_600_000) };
  const locked = { lockedAt: new Date(), lockReason: "legal hold" };
  const nowhere = async () => ({});
  return [
    ...(["MIGRATE", "ACTIVATE", "SEED"] as const).map((kind) =>
      onTenant("E_TENANT_STATUS", `${kind} of what was undone`, kind, operation("FAILED", failed)),
    ),
    ...[tenant("ACTIVE"), tenant("OFFBOARDED")].map((make) =>
      onTenant("E_RETENTION_RUNNING", "purge", "PURGE", make, AT_THE_END, (slug) => [
        ...["tenant", "purge", "--slug", slug, "--yes"],
      ]),
    ),
    onTenant("E_TENANT_LOCKED", "offboarding", "OFFBOARD", tenant("ACTIVE", locked)),
    onTenant("E_GRACE_RUNNING", "rotation", "ROTATE_CREDENTIALS", tenant("ACTIVE", inGrace)),
    onTenant("E_TENANT_STATUS", "restoring what is purged", "RESTORE", async () => ({
      slug: await register(world, "OFFBOARDED", { offboardedFrom: null }),
    })),
    onTenant("E_OPERATION_IN_PROGRESS", "another", "SUSPEND", running),
    onTenant("E_INVALID_SLUG", "capitals", "PROVISION", async () => ({ slug: "Acme" })),
    onTenant("E_RESERVED_SLUG", "a name of ours", "PROVISION", async () => ({ slug: "admin" })),
    onTenant("E_TENANT_NOT_FOUND", "nobody", "SUSPEND", async () => ({ slug: "nobody" })),
    ...[
      ["E_DB_SERVER_NOT_FOUND", "dbServer", "nowhere", "--db-server"] as const,
      ["E_NO_CAPACITY", "region", "moon", "--region"] as const,
      ["E_VALIDATION", "timeZone", "Moon/Sea", "--time-zone"] as const,
      ["E_SEED_SET_NOT_FOUND", "seeds", ["none"], "--seeds"] as const,
    ].map(([code, field, value, flag]) =>
      onTenant(
        code,
        `${field} ${value}`,
        "PROVISION",
        async () => ({ slug: freshSlug() }),
        { [field]: value },
        (slug) => provisionWords(slug, flag, String(value)),
      ),
    ),
    onOperation("E_OPERATION_NOT_FOUND", "retry", "retry", async () => ({ operationId: newId() })),
    onOperation("E_OPERATION_NOT_FOUND", "cancel", "cancel", async () => ({
      operationId: newId(),
    })),
    onOperation("E_NOT_RETRYABLE", "of what runs", "retry", running),
    onOperation("E_NOT_RETRYABLE", "of what a later one replaced", "retry", later),
    ...(["SUCCEEDED", "FAILED", "UNDOING"] as const).map((state) =>
      onOperation(
        "E_NOT_CANCELLABLE",
        `of what is ${state}`,
        "cancel",
        operation(state === "FAILED" ? "FAILED" : "ACTIVE", { kind: "PROVISION", state }),
      ),
    ),
    onOperation(
      "E_NOT_RETRYABLE",
      "of what succeeded",
      "retry",
      operation("ACTIVE", { kind: "MIGRATE", state: "SUCCEEDED" }),
    ),
    onOperation(
      "E_NOT_RETRYABLE",
      "of a dry run",
      "retry",
      operation("ACTIVE", { kind: "MIGRATE", state: "SUCCEEDED", dryRun: true }),
    ),
    {
      code: "E_CONFIRMATION_REQUIRED",
      about: "hard refresh",
      mutation: "refreshSnapshots",
      make: tenant("ACTIVE"),
      input: ({ slug }) => ({ slug, hard: true }),
    },
    {
      code: "E_FORBIDDEN",
      about: "what another started",
      mutation: "revealOneTimePassword",
      make: operation("ACTIVE", { kind: "PROVISION", state: "SUCCEEDED" }),
      input: ({ operationId }) => ({ operationId }),
    },
    {
      code: "E_PASSWORD_REVEALED",
      about: "none",
      mutation: "revealOneTimePassword",
      make: running,
      input: ({ operationId }) => ({ operationId }),
    },
    ...peopleCases(stage),
    ...accountCases(stage, nowhere),
  ];
}
