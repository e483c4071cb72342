import type { ServerResponse } from "node:http";

/** An answer beside GraphQL's. */
export interface Answer {
  readonly status: number;
  readonly body: object;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answers with what `ask` finds out; as unavailable where it fails. */
export function whenKnown(res: ServerResponse, ask: () => Promise<Answer>): void {
  ask()
    .catch((): Answer => ({ status: 503, body: { status: "unavailable", code: "E_UNAVAILABLE" } }))
    .then(({ status, body, headers }) => send(res, status, body, headers));
}

/** Answers with JSON that nobody keeps unless told. */
export function send(
  res: ServerResponse,
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = { "cache-control": "no-store" },
): void {
  res.writeHead(status, { "content-type": "application/json", ...headers });
  res.end(JSON.stringify(body));
}
