import { randomBytes } from "node:crypto";
import { ALGORITHM } from "./access-token.ts";
import type { NewKey } from "./key-record.ts";

/** Makes a key pair that signs access tokens. */
export async function newAccessKey(): Promise<NewKey> {
  const { exportJWK, generateKeyPair } = await import("jose");
  const pair = await generateKeyPair(ALGORITHM, { crv: "Ed25519", extractable: true });
  const id = randomBytes(12).toString("hex");
  const facts = { kid: id, alg: ALGORITHM, use: "sig" };
  return {
    id,
    publicJwk: { ...(await exportJWK(pair.publicKey)), ...facts },
    secret: JSON.stringify({ ...(await exportJWK(pair.privateKey)), ...facts }),
  };
}
