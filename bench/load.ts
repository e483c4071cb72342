// Asks one question over and over, on connections that stay open: bare sockets, since a client library
// would take more of the machine than some of the servers do.

import { connect } from "node:net";

/** Where to ask, what, and as whom. */
export interface Question {
  readonly url: string;
  readonly token: string;
  readonly query: string;
}

const CONNECTIONS = 32;

/**
 * Asks for some seconds, on each of 32 connections again as soon as it is answered.
 *
 * @returns answers a second
 * @throws Error at an answer that is not 200 or holds errors
 */
export async function askFor(seconds: number, question: Question): Promise<number> {
  const asked = { request: requestOf(question), until: performance.now() + seconds * 1000 };
  const begun = performance.now();
  const answers = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => askOverAndOver(question.url, asked)),
  );
  const took = (performance.now() - begun) / 1000;
  return answers.reduce((sum, count) => sum + count, 0) / took;
}

function requestOf({ url, token, query }: Question): string {
  const { host, pathname } = new URL(url);
  const body = JSON.stringify({ query });
  return [
    ...[`POST ${pathname} HTTP/1.1`, `host: ${host}`, "content-type: application/json"],
    ...["accept: application/graphql-response+json", `authorization: Bearer ${token}`],
    ...[`content-length: ${Buffer.byteLength(body)}`, "", body],
  ].join("\r\n");
}

interface Asked {
  readonly request: string;
  readonly until: number;
}

function askOverAndOver(url: string, { request, until }: Asked): Promise<number> {
  const { hostname, port } = new URL(url);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  let heard = "";
  let count = 0;
  socket.setEncoding("latin1");
  socket.on("connect", () => socket.write(request));
  socket.on("error", reject);
  socket.on("data", (chunk) => {
    heard += String(chunk);
    const body = bodyOf(heard);
    if (body === null) return;
    if (!heard.startsWith("HTTP/1.1 200") || body.includes('"errors"')) {
      socket.destroy();
      return reject(new Error(`${url} answered ${heard}`));
    }
    heard = "";
    count += 1;
    if (performance.now() < until) return void socket.write(request);
    socket.destroy();
    resolve(count);
  });
  return promise;
}

/** The body of an answer; null while some of it is still to come. */
function bodyOf(heard: string): string | null {
  const end = heard.indexOf("\r\n\r\n");
  if (end < 0) return null;
  const length = Number(/content-length: (\d+)/i.exec(heard)?.[1]);
  if (Number.isNaN(length)) throw new Error(`An answer without a length: ${heard}`);
  return heard.length < end + 4 + length ? null : heard.slice(end + 4);
}
