// Sends a service, in a process of its own, what attackers and scanners send, and looks at what it
// cost: npm run test:hostile. Ends with `N passed, N failed`.

import { auditServer } from "graphql-http";
import pLimit from "p-limit";
import { schema } from "../../src/api/schema.ts";
import { ATTACKS } from "./common-attacks.ts";
import { everyArgument, type Hole } from "./every-argument.ts";
import { NAUGHTY, UNKEEPABLE } from "./naughty-strings.ts";
import { KINDS, type Kind } from "./requests.ts";
import { runService, type Service } from "./run-service.ts";

/** Requests of each kind; together more than 10,000. */
const OF_EACH_KIND = 200;
const MOST_CPU_MS = 250;
const LONGEST_FOR_STRANGERS = 64_000;
const MOST_GROWTH = 40_000_000;
const AT_ONCE = 4;
const MOMENT_MS = 300;
/** Within the aliases that a document may have. */
const TEXTS_OF_ONE_REQUEST = 25;

const counts = { passed: 0, failed: 0 };
const say = (line: string) => process.stdout.write(`${line}\n`);

function check(name: string, fault: string | null): void {
  counts[fault === null ? "passed" : "failed"] += 1;
  if (fault !== null) say(`✘ ${name}: ${fault}`);
}

interface Sent {
  readonly status: number;
  readonly text: string;
}

async function post(
  { url }: Service,
  body: string,
  headers: Readonly<Record<string, string>>,
): Promise<Sent> {
  const answer = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/graphql-response+json",
      ...headers,
    },
    body,
  });
  return { status: answer.status, text: await answer.text() };
}

/** Follows a subscription for a moment: a refusal comes at once, and ends the stream. */
async function follow(
  { url }: Service,
  body: string,
  headers: Readonly<Record<string, string>>,
): Promise<Sent> {
  const type = { "content-type": "application/json", accept: "text/event-stream" };
  const signal = AbortSignal.timeout(MOMENT_MS);
  try {
    const answer = await fetch(url, {
      method: "POST",
      headers: { ...type, ...headers },
      body,
      signal,
    });
    return { status: answer.status, text: await answer.text() };
  } catch (error) {
    if (signal.aborted) return { status: 200, text: "" };
    throw error;
  }
}

/** Sends so many of a kind; answers the first thing that is wrong with an answer. */
async function sendKind(service: Service, kind: Kind, token: string, count: number) {
  const authorization = kind.by === "stranger" ? {} : { authorization: `Bearer ${token}` };
  let longest = 0;
  let fault: string | null = null;
  await pLimit(AT_ONCE).map(Array(count).keys(), async (n) => {
    const { status, text } = await post(service, kind.body(n), {
      ...authorization,
      ...kind.headers?.(n),
    });
    longest = Math.max(longest, text.length);
    if (![kind.status].flat().includes(status) || text.includes("E_INTERNAL")) {
      fault ??= `${status} ${text.slice(0, 200)}`;
    }
  });
  return { longest, fault };
}

async function refusedRequests(service: Service, token: string): Promise<void> {
  for (const kind of KINDS) await sendKind(service, kind, token, 5);
  const before = await service.usage();
  let last = before;
  say(`${"request".padEnd(48)} CPU ms  longest answer`);
  for (const kind of KINDS) {
    const { longest, fault } = await sendKind(service, kind, token, OF_EACH_KIND);
    const usage = await service.usage();
    const cpuMs = (usage.cpuMs - last.cpuMs) / OF_EACH_KIND;
    last = usage;
    say(
      `${`${kind.name} (${kind.by})`.padEnd(48)} ${cpuMs.toFixed(1).padStart(6)} ${String(longest).padStart(15)}`,
    );
    const tooLong = kind.by === "stranger" && longest > LONGEST_FOR_STRANGERS;
    check(
      kind.name,
      fault ??
        (cpuMs > MOST_CPU_MS ? `${cpuMs} ms of CPU` : tooLong ? `an answer of ${longest}` : null),
    );
  }
  const grown = last.bytes - before.bytes;
  say(`memory behind ${KINDS.length * OF_EACH_KIND} requests: ${(grown / 1e6).toFixed(1)} MB more`);
  check("memory", grown > MOST_GROWTH ? `${grown} bytes more` : null);
}

function* groupsOf(texts: readonly string[], size: number) {
  for (let at = 0; at < texts.length; at += size) yield texts.slice(at, at + size);
}

function requestOf({ operation, type, call }: Hole, texts: readonly string[]): string {
  const declared = texts.map((_, at) => `$t${at}: ${type}!`).join(", ");
  const calls = texts.map((_, at) => `a${at}: ${call(`t${at}`)}`).join(" ");
  const variables = Object.fromEntries(texts.map((text, at) => [`t${at}`, text]));
  return JSON.stringify({ query: `${operation} (${declared}) { ${calls} }`, variables });
}

/** Naughty strings over every argument and every field of every input. */
async function naughtyStrings(service: Service, token: string): Promise<void> {
  const headers = { authorization: `Bearer ${token}` };
  const holes = everyArgument(schema);
  const faults = new Map(holes.map(({ field }) => [field, null as string | null]));
  let sent = 0;
  await pLimit(AT_ONCE).map(holes, async (hole) => {
    // A text that is not of the type refuses the whole request; and a request signs in, or follows, once.
    const alone =
      !["String", "ID"].includes(hole.type) ||
      hole.operation === "subscription" ||
      /password|sign|accept/i.test(hole.field);
    const send = hole.operation === "subscription" ? follow : post;
    const groups = [
      ...groupsOf(NAUGHTY, alone ? 1 : TEXTS_OF_ONE_REQUEST),
      ...groupsOf(UNKEEPABLE, 1),
    ];
    for (const texts of groups) {
      const body = requestOf(hole, texts);
      const { status, text } = await send(service, body, headers);
      sent += texts.length;
      const isBad =
        status >= 500 || /E_INTERNAL|E_UNAVAILABLE|GRAPHQL_VALIDATION_FAILED/.test(text);
      if (isBad && !faults.get(hole.field)) {
        faults.set(hole.field, `${status} ${text.slice(0, 300)} for ${body.slice(0, 600)}`);
      }
    }
  });
  say(`naughty strings: ${sent} over ${holes.length} arguments of ${faults.size} fields`);
  for (const [field, fault] of faults) check(field, fault);
}

/** What GraphQL over HTTP asks of a server: what it MUST do fails, the rest is told. */
async function audit(service: Service, token: string): Promise<void> {
  const fetchFn = (url: string, init: RequestInit = {}) => {
    const headers = new Headers(init.headers);
    headers.set("authorization", `Bearer ${token}`);
    return fetch(url, { ...init, headers });
  };
  for (const result of await auditServer({ url: service.url, fetchFn })) {
    if (result.status !== "ok")
      say(`${result.status} of the audit: ${result.name}: ${result.reason}`);
    check(result.name, result.status === "error" ? result.reason : null);
  }
}

await using service = await runService();
const { token } = await service.signIn();
await audit(service, token);
for (const { name, succeeds } of ATTACKS) check(name, await succeeds(service));
await refusedRequests(service, token);
await naughtyStrings(service, token);
check("the service", service.lives() ? null : "has ended");
say(`${counts.passed} passed, ${counts.failed} failed`);
process.exitCode = counts.failed === 0 ? 0 : 1;
