import { text } from "node:stream/consumers";
import { authorize } from "../iam/grants.ts";
import { seedSuperuser } from "../iam/platform-users.ts";
import { EXIT, UsageError } from "./exit-codes.ts";
import { runOnPlatform } from "./session.ts";

/** The flags of `seed platform-superuser`. */
export interface SuperuserFlags {
  readonly email: string;
  readonly passwordStdin?: boolean;
  readonly json?: boolean;
}

/** `tenantry seed platform-superuser`: makes sure that an administrator can sign in. */
export async function seedPlatformSuperuser(flags: SuperuserFlags): Promise<never> {
  return await runOnPlatform(flags, async ({ platform, actor, out }) => {
    const password = flags.passwordStdin ? await passwordFromInput() : undefined;
    authorize(actor, "platform-user:write");
    const { orm, clock } = platform;
    const { user, oneTimePassword } = await seedSuperuser({ em: orm.em, clock }, actor, {
      email: flags.email,
      password,
    });
    if (flags.json)
      out.json({ type: "RESULT", email: user.email, role: user.role, oneTimePassword });
    else {
      out.line(`${out.style("green", "✔")} ${user.email} is an administrator`);
      if (oneTimePassword !== null) {
        out.line(`  one-time password  ${oneTimePassword}`);
        out.line(
          "  It is shown once, expires in 72 hours, and is to be changed at the first sign-in.",
        );
      }
    }
    return EXIT.ok;
  });
}

async function passwordFromInput(): Promise<string> {
  if (process.stdin.isTTY) {
    throw new UsageError(
      "--password-stdin reads the password from a pipe, so that it is not seen on the screen",
    );
  }
  const password = (await text(process.stdin)).replace(/\r?\n$/, "");
  if (password === "") throw new UsageError("--password-stdin found no password on standard input");
  return password;
}
