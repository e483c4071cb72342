import { parentPort } from "node:worker_threads";
import { type CompileRequest, compileSql } from "./compile.ts";
import { SqlSyntaxError } from "./parse.ts";
import type { SqlFile } from "./sql-file.ts";

/** What the thread answers to a request, in the order in which they came. */
export type CompileAnswer =
  | { readonly file: SqlFile }
  | { readonly syntaxError: { readonly message: string; readonly line: number } }
  /** The text is nested deeper than this thread's stack. */
  | { readonly tooDeep: true };

parentPort?.on("message", async (request: CompileRequest) => {
  parentPort?.postMessage(await answer(request));
});

async function answer(request: CompileRequest): Promise<CompileAnswer> {
  try {
    return { file: await compileSql(request) };
  } catch (error) {
    if (error instanceof SqlSyntaxError)
      return { syntaxError: { message: error.message, line: error.line } };
    if (error instanceof RangeError) return { tooDeep: true };
    throw error;
  }
}
