import { type WorkersSeen, workersSeen } from "../../operations/engine/liveness.ts";
import { builder } from "../builder.ts";

const WorkersRef = builder.objectRef<WorkersSeen>("Workers").implement({
  description: "The processes that run operations.",
  fields: (t) => ({
    alive: t.exposeInt("alive", {
      description: "How many are alive. Where there is none, operations wait: they are not lost.",
    }),
    lastSeenAt: t.expose("lastSeenAt", {
      type: "DateTime",
      nullable: true,
      description: "When one was last seen alive; null where that is more than a day ago.",
    }),
  }),
});

builder.queryField("workers", (t) =>
  t.field({
    type: WorkersRef,
    description:
      "Whether anybody is there to run operations: what to show beside one that does not go on.",
    authScopes: { action: "operation:read" },
    resolve: (_root, _args, { em }) => workersSeen(em()),
  }),
);
