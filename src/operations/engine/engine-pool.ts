import pg from "pg";
import { PATIENT, platformConfig } from "../../database/connect.ts";
import { faultOf } from "../../database/faults.ts";
import { keepOnlyWhole } from "../../database/own-connection.ts";
import { WORKER_MARK } from "./worker-sessions.ts";

/**
 * The message of an error over which the engine waits for its database: it retries whatever has this in its
 * text. It gives a workflow up over any fault that it does not know.
 */
export const RETRIED_MESSAGE = "Connection terminated unexpectedly";

/**
 * Opens connections for the durable engine, which reads a URL in another way than the rest of the
 * platform does. Whoever opens them closes them: the engine does not.
 *
 * The engine waits for its database over the faults that it knows itself, and gives an operation up over
 * any other: a failover's read-only moment, a name that is not known. So every fault that passes reaches
 * it as one that it waits for.
 *
 * @param url connection URL of the platform database
 */
export function openEnginePool(url: string, max: number): pg.Pool {
  const config = platformConfig(url, `engine ${WORKER_MARK}`, {
    ...PATIENT,
    idle_in_transaction_session_timeout: 10_000,
  });
  const pool = new pg.Pool({ ...config, max });
  keepOnlyWhole(pool);
  pool.on("connect", (client) => {
    client.query = waitedFor(client.query.bind(client)) as typeof client.query;
  });
  pool.query = waitedFor(pool.query.bind(pool)) as typeof pool.query;
  pool.connect = waitedFor(pool.connect.bind(pool)) as typeof pool.connect;
  return pool;
}

/** A function of the driver whose promise fails in words of the engine; one with a callback is left alone. */
const waitedFor =
  (call: (...args: never[]) => unknown) =>
  (...args: never[]): unknown => {
    const answer = call(...args);
    return answer instanceof Promise ? answer.catch(translate) : answer;
  };

function translate(error: unknown): never {
  const { course } = faultOf(error) ?? { course: "FINAL" };
  if (course !== "LOST" && course !== "AGAIN") throw error;
  // The engine knows this text, and it takes no harm where the code was known to it, too.
  throw new Error(RETRIED_MESSAGE, { cause: error });
}
