import { randomBytes } from "node:crypto";
import { link, mkdir, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { DomainError } from "../kernel/domain-error.ts";

const KEY_BYTES = 32;

const fileOf = (dataDir: string) => join(dataDir, "secret.key");

/**
 * Reads the local secret store's key: 32 bytes, as base64 in `<dataDir>/secret.key`.
 *
 * @returns null when there is no key file
 * @throws DomainError E_SECRET_STORE when the file holds no such key
 */
export async function readKeyFile(dataDir: string): Promise<Buffer | null> {
  const file = fileOf(dataDir);
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw new DomainError("E_SECRET_STORE", {
      message: `The key of the local secret store cannot be read (${error.code}): ${file}`,
      retryable: false,
    });
  });
  if (text === null) return null;
  const key = Buffer.from(text.trim(), "base64");
  if (key.length !== KEY_BYTES) {
    throw new DomainError("E_SECRET_STORE", {
      message: `The key of the local secret store is damaged: ${file} must hold 32 bytes as base64`,
      retryable: false,
    });
  }
  return key;
}

/** Makes a key file unless there is one; processes that do so at once end up with the same file. */
export async function createKeyFile(dataDir: string): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const draft = join(dataDir, `secret.key.${randomBytes(6).toString("hex")}`);
  const handle = await open(draft, "wx", 0o600);
  try {
    await handle.writeFile(randomBytes(KEY_BYTES).toString("base64") + "\n");
    await handle.sync();
    await handle.close();
    // A link, like O_EXCL, fails where the name is taken; and nobody sees a file half written.
    await link(draft, fileOf(dataDir)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(draft, { force: true });
  }
}
