import { openProgressView } from "../cli/operation/progress-view.ts";
import { resultShown } from "../cli/operation/show-result.ts";
import { runCommand } from "../cli/session.ts";
import { formatDuration } from "../cli/terminal/duration.ts";
import { EXIT } from "../cli/terminal/exit-codes.ts";
import { exitAtOnce, type Output } from "../cli/terminal/output.ts";
import { onStopSignal } from "../cli/terminal/signals.ts";
import { writeFields } from "../cli/terminal/table.ts";
import { openClient } from "../client/client.ts";
import { newSecret } from "../kernel/ids.ts";
import { openMailbox } from "./mailbox.ts";
import * as scenario from "./scenario.ts";
import { type DemoService, demoConfig, openDemoService } from "./service.ts";

/** Opens the service, then provisions a tenant through its API as any client would. */
async function demo(out: Output, stopped: Promise<"stopped">): Promise<number> {
  const config = demoConfig();
  const watch = startStopwatch(out);
  out.line(out.style("bold", "Tenantry"));
  out.line("A platform in this process, and a client that provisions a tenant through its API.\n");
  await using service = await openDemoService(config, watch.tell);
  const ended = await Promise.race([actAsClient(service, out, watch), stopped]);
  if (ended === "stopped") {
    out.line("\nStopping …");
    return EXIT.interrupted;
  }
  out.line(`\nKept in ${config.dataDir}: the next run makes the next tenant.`);
  out.line("npm start runs the service; tenantry --help shows the command.");
  return EXIT.ok;
}

async function actAsClient(service: DemoService, out: Output, watch: Stopwatch) {
  let token: string | null = null;
  const client = openClient({ url: service.url, token: () => token });
  using mailbox = await openMailbox(service.mailDir);
  try {
    const signedIn = await scenario.signIn(client, service.admin);
    token = signedIn.token;
    watch.tell(`Signed in as ${signedIn.user.email}, ${signedIn.user.role}`);

    const begun = await scenario.provisionNext(client);
    out.line(`\nProvisioning ${out.style("bold", begun.slug)}, live over the WebSocket:\n`);
    const view = openProgressView(out);
    await scenario.follow(client, begun.operationId, view).finally(() => view.close());
    const summary = await scenario.resultOf(client, begun.operationId);
    out.line();

    watch.restart();
    const invitation = await mailbox.invitationTokenFor(begun.adminEmail);
    watch.tell(`Invitation mail to ${begun.adminEmail} arrived`);
    const password = newSecret();
    await scenario.acceptInvitation(client, invitation, password);
    watch.tell("Invitation accepted, password set");
    const role = await scenario.tenantSignIn(client, begun, password);
    watch.tell(`${begun.adminEmail} signed in to ${begun.slug} as ${role}`);

    out.line(`\n${out.style("bold", `${begun.slug} is ready`)}`);
    const ended = { kind: "PROVISION", dryRun: false, finishedAt: null } as const;
    writeFields(out, await resultShown({ ...ended, result: summary }));
  } finally {
    await client.close();
  }
}

interface Stopwatch {
  /** Tells what was done, and how long it took since the last time. */
  tell(this: void, done: string): void;
  restart(): void;
}

function startStopwatch(out: Output): Stopwatch {
  let since = performance.now();
  return {
    tell: (done) => {
      const took = formatDuration(performance.now() - since);
      since = performance.now();
      out.line(`  ${out.style("green", "✔")} ${done}  ${out.style("dim", took)}`);
    },
    restart: () => {
      since = performance.now();
    },
  };
}

const begun = performance.now();
await runCommand({}, async (out) => {
  const stopped = new Promise<"stopped">((resolve) => {
    onStopSignal((count) => {
      if (count > 1) void exitAtOnce(EXIT.interrupted);
      else resolve("stopped");
    });
  });
  const code = await demo(out, stopped);
  if (code === EXIT.ok)
    out.line(out.style("dim", `Done after ${formatDuration(performance.now() - begun)}.`));
  return code;
});
