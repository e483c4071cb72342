import { z } from "zod";
import { oneLine } from "../kernel/input.ts";
import { letter, type Rendered } from "./letter.ts";

/** What each template needs; nothing of it is secret. */
export const MailContent = z.discriminatedUnion("template", [
  z.strictObject({
    template: z.literal("invitation"),
    params: z.strictObject({ invitationId: z.uuid(), slug: z.string(), tenantName: z.string() }),
  }),
  z.strictObject({
    template: z.literal("membership-added"),
    params: z.strictObject({ membershipId: z.uuid(), slug: z.string(), tenantName: z.string() }),
  }),
  z.strictObject({
    template: z.literal("password-reset"),
    params: z.strictObject({
      membershipId: z.uuid(),
      resetId: z.uuid(),
      slug: z.string(),
      tenantName: z.string(),
    }),
  }),
]);
export type MailContent = z.infer<typeof MailContent>;

/** Renders a mail. `link` is where it leads: a link of its own with a token, or the tenant's page. */
export function render({ template, params }: MailContent, link: string): Rendered {
  // Typed by people: a line break in it must not begin a header or a paragraph.
  const tenant = oneLine(params.tenantName);
  switch (template) {
    case "invitation":
      return letter({
        subject: `Your invitation to ${tenant}`,
        lead: `You have been invited to ${tenant}. Choose a password to sign in for the first time:`,
        action: "Accept the invitation",
        link,
        close:
          "The link can be used once, within 7 days. If you did not expect it, ignore this mail.",
      });
    case "membership-added":
      return letter({
        subject: `You were added to ${tenant}`,
        lead: `You were added to ${tenant}. Sign in with the password that you have already:`,
        action: `Open ${tenant}`,
        link,
        close: "If you did not expect this, tell the administrator of your organisation.",
      });
    case "password-reset":
      return letter({
        subject: `Your new password for ${tenant}`,
        lead: `Somebody asked for a new password for your account at ${tenant}. You sign in with the same one wherever you use this email address. Choose it here:`,
        action: "Choose a new password",
        link,
        close:
          "The link can be used once, within an hour. If you did not ask for it, ignore this mail: your password stays as it is.",
      });
  }
}
