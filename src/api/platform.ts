import manifest from "../../package.json" with { type: "json" };
import { platformVersion } from "../database/platform-version.ts";
import {
  type QueueSeen,
  queueSeen,
  type WorkerSeen,
  workersAlive,
} from "../operations/engine/standing.ts";
import { builder } from "./builder.ts";
import { mayCall } from "./caller.ts";
import type { ApiContext } from "./context.ts";
import { QUERY_LIMITS } from "./transport/limits.ts";

const WorkerRef = builder.objectRef<WorkerSeen>("Worker").implement({
  description: "A process that runs operations and is alive.",
  fields: (t) => ({
    host: t.exposeString("host", { description: "The machine it runs on, as that calls itself." }),
    pid: t.exposeInt("pid", { description: "The id of its process there." }),
    seenAt: t.expose("seenAt", {
      type: "DateTime",
      description: "When it said last that it is alive: every two seconds.",
    }),
    running: t.exposeInt("running", { description: "How many operations it is at." }),
  }),
});

const QueueRef = builder.objectRef<QueueSeen>("OperationQueue").implement({
  description: "The operations that wait for a worker.",
  fields: (t) => ({
    pending: t.exposeInt("pending", { description: "How many wait." }),
    oldestSeconds: t.exposeFloat("oldestSeconds", {
      nullable: true,
      description: "For how many seconds the oldest has waited; null where none waits.",
    }),
  }),
});

const LimitsRef = builder.objectRef<typeof QUERY_LIMITS>("RequestLimits").implement({
  description: "What one request may ask for; more is refused with `E_QUERY_TOO_COMPLEX`.",
  fields: (t) => ({
    characters: t.exposeInt("characters", { description: "How long its document may be." }),
    depth: t.exposeInt("depth", { description: "How deep its fields may lie." }),
    fields: t.exposeInt("fields", { description: "How many fields it may select." }),
    aliases: t.exposeInt("aliases", { description: "How many of them may have an alias." }),
    cost: t.exposeInt("cost", {
      description:
        "How many objects its answer may hold: `first` and `last` multiply what is asked of each entry.",
    }),
  }),
});

const PlatformRef = builder.objectRef<object>("Platform").implement({
  description: "The service itself: what a shell shows around everything else.",
  fields: (t) => ({
    version: t.string({
      description: "The version of the process that answers.",
      resolve: () => manifest.version,
    }),
    startedAt: t.field({
      type: "DateTime",
      description: "When the process that answers began.",
      resolve: () => new Date(performance.timeOrigin),
    }),
    schemaVersion: t.string({
      nullable: true,
      description: "The newest migration of the platform database.",
      resolve: async (_platform, _args, { em }) =>
        (await platformVersion(em())).applied.at(-1) ?? null,
    }),
    workers: t.field({
      type: [WorkerRef],
      nullable: true,
      description:
        "The workers that are alive; where there is none, operations wait. Null for roles without `operation:read`.",
      resolve: (_platform, _args, context) => whoever(context, () => workersAlive(context.em())),
    }),
    queue: t.field({
      type: QueueRef,
      nullable: true,
      description: "What waits for them; null for roles without `operation:read`.",
      resolve: (_platform, _args, context) => whoever(context, () => queueSeen(context.em())),
    }),
    limits: t.field({
      type: LimitsRef,
      description: "What one request may ask for.",
      resolve: () => QUERY_LIMITS,
    }),
  }),
});

/** Answers null for roles that see no operations. */
const whoever = async <Seen>(
  { caller }: ApiContext,
  see: () => Promise<Seen>,
): Promise<Seen | null> => (mayCall(caller, "operation:read") ? await see() : null);

builder.queryField("platform", (t) =>
  t.field({
    type: PlatformRef,
    description: "The service itself: its version, its workers, and what waits for them.",
    authScopes: { action: "me:read" },
    resolve: () => ({}),
  }),
);
