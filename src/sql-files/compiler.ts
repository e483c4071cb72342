import { createHash } from "node:crypto";
import { once } from "node:events";
import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";
import { DomainError } from "../kernel/domain-error.ts";
import type { CompileRequest } from "./compile.ts";
import type { CompileAnswer } from "./compile-worker.ts";
import { excerptOf, type SqlFile } from "./sql-file.ts";

/** Which errors a file of this kind ends in. */
type Code = "E_MIGRATIONS_FAILED" | "E_SEEDS_FAILED";

/** A worst case of 32 MB of SQL takes some 10 s; what takes longer is a fault. */
const LONGEST_MS = 120_000;
/** Trees of deeply nested expressions are walked by recursion. */
const STACK_MB = 256;
const HEAP_MB = 2_048;

/**
 * Compiles a SQL file on a thread of its own, so that a large one stops nobody, once in a process for
 * each content.
 *
 * @param name the file's name for people
 * @throws DomainError of `code` with its `migration` where PostgreSQL's
 *   grammar refuses the text, or it takes more time, memory or depth than there is
 */
export async function compileFile(
  name: string,
  request: CompileRequest,
  code: Code,
): Promise<SqlFile> {
  const answer = await answerTo(name, request);
  if ("file" in answer) return answer.file;
  if ("syntaxError" in answer) {
    const { message, line } = answer.syntaxError;
    const statement = excerptOf(request.text.split("\n")[line - 1] ?? "");
    throw new DomainError(code, {
      message: `${name} line ${line}: ${message}`,
      migration: { file: name, line, sqlState: "42601", statement },
    });
  }
  const why = "tooDeep" in answer ? "it is nested too deep" : answer.fault;
  throw new DomainError(code, {
    message: `${name} cannot be read as SQL: ${why}; split it into smaller statements`,
    migration: { file: name, line: 1, sqlState: "54001" },
    // Another time there may be the time or the memory for it.
    retryable: "fault" in answer,
  });
}

type Answer = CompileAnswer | { readonly fault: string };

/** Answers by content: a file that is in many folders, or in many readings of one, is compiled once. */
const answers = new Map<string, Promise<Answer>>();
/** Some thousands of files; what was asked first goes first. */
const MOST_ANSWERS = 10_000;

function answerTo(name: string, request: CompileRequest): Promise<Answer> {
  const hash = createHash("sha256").update(request.text).digest("base64");
  const key = `${request.kind} ${request.homes.join()} ${hash} ${name}`;
  let answer = answers.get(key);
  if (answer === undefined) {
    answer = queue.then(() => ask(request));
    queue = answer;
    answers.set(key, answer);
    // What failed for want of time or memory may be answered another time.
    answer.then((given) => "fault" in given && answers.delete(key));
    for (const oldest of answers.keys()) {
      if (answers.size <= MOST_ANSWERS) break;
      answers.delete(oldest);
    }
  }
  return answer;
}

let queue: Promise<unknown> = Promise.resolve();
let thread: Worker | undefined;

/**
 * The parser is WebAssembly with one huge function, which V8's optimizing compiler takes 570 MB for, to
 * make a hot parser a fifth faster. Its first compiler does.
 */
const FRUGAL_WASM = ["--no-wasm-tier-up", "--no-wasm-dynamic-tiering"];

function openThread(): Worker {
  for (const flag of FRUGAL_WASM) setFlagsFromString(flag);
  const worker = new Worker(new URL("./compile-worker.ts", import.meta.url), {
    resourceLimits: { stackSizeMb: STACK_MB, maxOldGenerationSizeMb: HEAP_MB },
  });
  worker.on("error", () => undefined);
  worker.once("exit", () => {
    if (thread === worker) thread = undefined;
  });
  return worker;
}

/** Asks the thread one thing. One that fails is given up, and the next question gets a new one. */
async function ask(request: CompileRequest): Promise<Answer> {
  thread ??= openThread();
  const worker = thread;
  // A process whose work is done ends, whether or not the thread waits for more.
  worker.ref();
  const answer = await answerOf(worker, request);
  worker.unref();
  if ("fault" in answer || "tooDeep" in answer) {
    thread = undefined;
    await worker.terminate();
  }
  return answer;
}

async function answerOf(worker: Worker, request: CompileRequest): Promise<Answer> {
  try {
    const answered = once(worker, "message", { signal: AbortSignal.timeout(LONGEST_MS) });
    worker.postMessage(request);
    const [answer] = (await answered) as [CompileAnswer];
    return answer;
  } catch (error) {
    const { name, message, code } = error as Error & { code?: string };
    if (name === "AbortError") return { fault: `it takes longer than ${LONGEST_MS / 1_000} s` };
    return { fault: code === "ERR_WORKER_OUT_OF_MEMORY" ? "it takes too much memory" : message };
  }
}
