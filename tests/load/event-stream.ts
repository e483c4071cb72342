import { type IncomingMessage, request } from "node:http";
import { type Connection, EVENT, type Followed, take } from "./followed.ts";

/** Follows one operation over server-sent events. */
export class EventStream implements Connection {
  readonly #ended: Promise<void>;
  #answer: IncomingMessage | undefined;

  constructor(url: string, token: string, [followed]: readonly Followed[]) {
    if (!followed) throw new Error("An event stream follows one operation");
    const after = followed.cursor === null ? "" : `, after: "${followed.cursor}"`;
    const query = `subscription { operationEvents(operationId: "${followed.id}"${after}) { ${EVENT} } }`;
    const headers = {
      "content-type": "application/json",
      accept: "text/event-stream",
      authorization: `Bearer ${token}`,
    };
    this.#ended = new Promise((resolve) => {
      const asking = request(url, { method: "POST", headers, agent: false }, (answer) => {
        this.#answer = answer;
        read(answer, followed);
        answer.on("close", resolve);
      });
      asking.on("error", () => resolve());
      asking.end(JSON.stringify({ query }));
    });
  }

  stall(): void {
    this.#answer?.pause();
  }

  async ended(): Promise<void> {
    this.#answer?.resume();
    await this.#ended;
  }
}

function read(answer: IncomingMessage, followed: Followed): void {
  let text = "";
  answer.setEncoding("utf8");
  answer.on("error", () => {});
  answer.on("data", (chunk: string) => {
    // Parts of one packet are still told of behind `destroy`.
    if (answer.destroyed) return;
    text += chunk;
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const [, event] = /^event: (\w+)$/m.exec(block) ?? [];
      const [, data = ""] = /^data: (.+)$/m.exec(block) ?? [];
      if (event === "complete") followed.complete = true;
      if (event !== "next") continue;
      const { data: answered } = JSON.parse(data);
      // What is told instead, that the server goes away, is followed by a complete that is none.
      if (answered) take(followed, answered.operationEvents);
      else return void answer.destroy();
    }
  });
}
