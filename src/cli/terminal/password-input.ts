import { text } from "node:stream/consumers";
import { UsageError } from "./exit-codes.ts";

/** Reads a password from a pipe, so that no screen and no process list shows it. @throws UsageError */
export async function passwordFromPipe(): Promise<string> {
  if (process.stdin.isTTY)
    throw new UsageError("--password-stdin reads the password from a pipe, not from the keyboard");
  const password = (await text(process.stdin)).replace(/\r?\n$/, "");
  if (password === "") throw new UsageError("--password-stdin found no password on standard input");
  return password;
}
