import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  type ServerResponse,
  request as send,
} from "node:http";
import { buffer } from "node:stream/consumers";
import type { Units } from "./units.ts";

/** A proxy between one worker and the vault. */
export interface VaultWire extends AsyncDisposable {
  readonly url: string;
}

interface Answered {
  readonly response: IncomingMessage;
  readonly body: Buffer;
}

/** Opens one that tells its requests to `units`, and does what that answers. */
export async function openVaultWire(vaultUrl: string, units: Units): Promise<VaultWire> {
  const forward = async (request: IncomingMessage, body: Buffer): Promise<Answered> => {
    const { method = "GET", headers } = request;
    const url = new URL(request.url ?? "/", vaultUrl);
    const onward = send(url, { method, headers: { ...headers, host: url.host } });
    onward.end(body);
    const [response] = (await once(onward, "response")) as [IncomingMessage];
    return { response, body: await buffer(response) };
  };
  const pass = async (request: IncomingMessage, answer: ServerResponse) => {
    const body = await buffer(request);
    const path = new URL(request.url ?? "/", vaultUrl).pathname;
    const strike = units.next({ counted: true }, `${request.method} ${path}`, "");
    const reply = async () => tell(answer, await forward(request, body));
    switch (strike?.way) {
      case "kill-before":
        return strike.happened();
      case "freeze":
      case "late":
        return strike.happened(() => void reply().catch(() => answer.destroy()));
      case "kill-after":
      case "cut":
        await forward(request, body);
        strike.happened();
        if (strike.way === "cut") request.socket.destroy();
        return;
    }
    await reply();
  };
  const server = createServer((request, answer) => {
    void pass(request, answer).catch(() => answer.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function tell(answer: ServerResponse, { response, body }: Answered): void {
  answer.writeHead(response.statusCode ?? 500, response.headers);
  answer.end(body);
}
