import { authorize } from "../../iam/grants.ts";
import { seedSuperuser } from "../../iam/users/platform-users.ts";
import { runOnPlatform } from "../session.ts";
import { EXIT } from "../terminal/exit-codes.ts";
import { passwordFromPipe } from "../terminal/password-input.ts";
import { tellOneTimePassword } from "./user-acts.ts";

/** The flags of `seed platform-superuser`. */
export interface SuperuserFlags {
  readonly email: string;
  readonly passwordStdin?: boolean;
  readonly json?: boolean;
}

/** `tenantry seed platform-superuser`: makes sure that an administrator can sign in. */
export async function seedPlatformSuperuser(flags: SuperuserFlags): Promise<void> {
  return await runOnPlatform(flags, async ({ platform, actor, out }) => {
    const password = flags.passwordStdin ? await passwordFromPipe() : undefined;
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
      if (oneTimePassword !== null) tellOneTimePassword(out, oneTimePassword);
    }
    return EXIT.ok;
  });
}
