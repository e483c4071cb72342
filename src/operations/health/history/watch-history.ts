import { setTimeout as delay } from "node:timers/promises";
import { type HistoryState, type NotedLink, openLoss } from "../../../audit/lost-history.ts";
import type { EntityManager, Orm } from "../../../database/orm.ts";
import type { Logger } from "../../../observability/logger.ts";
import { platformId } from "../../../placement/db-server-registry.ts";
import type { SecretStore } from "../../../secrets/secret-store.ts";
import { repeat } from "../../engine/liveness.ts";
import { withServers } from "../server-survey.ts";
import { historyFile } from "./history-file.ts";
import { lossWithRemedy } from "./history-findings.ts";
import type { NotedPlace } from "./noted-place.ts";
import { placesOnServers } from "./places.ts";
import type { ProcessHistory } from "./process-history.ts";
import { visitPlace } from "./visit-place.ts";

interface WatchPorts {
  readonly reader: Orm;
  readonly secrets: SecretStore;
  readonly config: { readonly dataDir: string };
  readonly history: ProcessHistory;
  readonly log: Logger;
}

const CHECK_MS = 500;
const SERVERS_MS = 2_000;
/** Another process may have noted more in the file of the data directory. */
const FILE_MS = 5_000;
/** Db servers that the head is noted on; the others are only compared, at the start and after an outage. */
const MOST_SERVERS = 3;
/** A start waits no longer for db servers. */
const PATIENCE_MS = 3_000;

/**
 * Notes the head of the audit chain outside of the platform database as it moves, and compares what was
 * noted with the chain: a platform database that was replaced by an older one, as by a failover to a standby
 * that lagged, is noticed within a second. The first check is done when this answers.
 *
 * @returns what ends it
 */
export async function watchHistory(ports: WatchPorts): Promise<() => Promise<void>> {
  const servers = new ServerWatch(ports);
  const files = new FileWatch(ports);
  const check = async () => {
    try {
      const state = await visitPlace(ports.reader.em, ports.history);
      await logLoss(ports, state.open ? state : ((await files.check()) ?? state));
    } catch (error) {
      // The database that answers next may be another one.
      servers.forget();
      files.forget();
      throw error;
    }
  };
  const onError = (error: unknown) =>
    ports.log.debug({ err: error }, "the platform's history cannot be looked at");
  await check().catch(onError);
  const first = servers.check().catch(onError);
  await Promise.race([first, delay(PATIENCE_MS, undefined, { ref: false })]);
  const ends = [
    repeat(CHECK_MS, check, onError),
    repeat(SERVERS_MS, () => first.then(() => servers.check()), onError),
  ];
  return async () => {
    await Promise.all(ends.map((end) => end()));
  };
}

/** Logs a loss when it is first seen, and its end. */
async function logLoss(
  { reader, history, log }: WatchPorts,
  { open }: HistoryState,
): Promise<void> {
  const loss = open ? await openLoss(reader.em.fork()) : null;
  if (loss !== null && history.loss === null)
    log.error({ ...loss, code: "E_HISTORY_LOST" }, lossWithRemedy(loss));
  if (loss === null && history.loss !== null) log.warn("what was lost was accepted");
  history.loss = loss;
}

/** The file of the data directory, checked when the head has moved and every few seconds. */
class FileWatch {
  readonly #ports: WatchPorts;
  #file: NotedPlace | undefined;
  #noted: NotedLink | null = null;
  #at = Number.NEGATIVE_INFINITY;
  #failed = false;

  constructor(ports: WatchPorts) {
    this.#ports = ports;
  }

  forget(): void {
    this.#at = Number.NEGATIVE_INFINITY;
  }

  async check(): Promise<HistoryState | null> {
    const { reader, config, history, log } = this.#ports;
    const { newest } = history;
    if (this.#noted === newest && performance.now() - this.#at < FILE_MS) return null;
    this.#file ??= historyFile(config.dataDir, await platformId(reader.em.fork() as EntityManager));
    try {
      const state = await visitPlace(reader.em, this.#file);
      this.#noted = newest;
      this.#at = performance.now();
      this.#failed = false;
      return state;
    } catch (error) {
      if (!isFileFault(error)) throw error;
      if (!this.#failed) log.warn({ err: error }, "the head of the audit chain cannot be noted");
      this.#failed = true;
      return null;
    }
  }
}

const isFileFault = (error: unknown): boolean =>
  error instanceof Error && "syscall" in error && "path" in error;

/** The db servers, each checked when the head has moved, one that failed until it answers. */
class ServerWatch {
  readonly #ports: WatchPorts;
  /** Where the head was when each was checked, by its name. */
  readonly #checked = new Map<string, NotedLink | null>();
  #whole: NotedLink | null | undefined;

  constructor(ports: WatchPorts) {
    this.#ports = ports;
  }

  forget(): void {
    this.#checked.clear();
    this.#whole = undefined;
  }

  async check(): Promise<void> {
    const { reader, secrets, history } = this.#ports;
    const { newest } = history;
    if (this.#whole === newest) return;
    await withServers(secrets, async (servers) => {
      const places = await placesOnServers(reader.em.fork() as EntityManager, servers);
      const due = places.filter(
        ({ name }, at) =>
          !this.#checked.has(name) || (at < MOST_SERVERS && this.#checked.get(name) !== newest),
      );
      const answered = await Promise.all(due.map((place) => this.#visit(place, newest)));
      this.#whole = answered.every(Boolean) ? newest : undefined;
    });
  }

  async #visit(place: NotedPlace, newest: NotedLink | null): Promise<boolean> {
    const { reader, log } = this.#ports;
    try {
      await visitPlace(reader.em, place);
      this.#checked.set(place.name, newest);
      return true;
    } catch (error) {
      this.#checked.delete(place.name);
      log.debug({ err: error, place: place.name }, "the head of the audit chain cannot be noted");
      return false;
    }
  }
}
