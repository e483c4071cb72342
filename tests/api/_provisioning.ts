import { openTestApi } from "../kit/api.ts";
import { EVENTS, OPERATION, PROVISION } from "../kit/documents.ts";
import { openFolder } from "../kit/folders.ts";
import { perFile } from "../kit/lifetime.ts";
import { openPlatform, SMALL } from "../kit/platform.ts";

/** An event as it comes over the wire. */
interface Event {
  readonly sequence: number;
  readonly operationState?: string;
  readonly phase?: string;
  readonly phaseState?: string;
  readonly completed?: number;
}

/** For the tests of a file: a platform with a worker, and somebody who provisions over the API. */
export function provisioning() {
  /** A copy of the small schema, so that a test can break it. */
  const migrations = perFile(() => openFolder(SMALL.TENANT_MIGRATIONS_DIR));
  /** Where a test may put itself between an effect and its record. */
  const between = { afterEffect: async (_phase: string): Promise<void> => {} };
  const world = perFile(() =>
    openPlatform({
      environment: { TENANT_MIGRATIONS_DIR: migrations.path },
      worker: { afterEffect: (phase) => between.afterEffect(phase) },
    }),
  );
  const api = perFile(() => openTestApi(world));
  const provisioner = perFile(() => api.as("PROVISIONER"));

  const start = async (input: object) =>
    (await provisioner.ask(PROVISION, { input })).provisionTenant;

  const eventsOf = async (id: string): Promise<Event[]> => {
    const events: Event[] = [];
    for await (const { operationEvents } of provisioner.follow(EVENTS, { id }))
      events.push(operationEvents);
    return events;
  };

  /** Provisions and follows to the end; answers the ended operation. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into what was asked for
  const provisionToEnd = async (input: object): Promise<{ events: Event[]; operation: any }> => {
    const { operation } = await start(input);
    const events = await eventsOf(operation.id);
    return { events, ...(await provisioner.ask(OPERATION, { id: operation.id })) };
  };

  return { migrations, between, world, api, provisioner, start, eventsOf, provisionToEnd };
}
