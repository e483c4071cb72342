import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { acceptInvitation } from "../../src/invitations/accept-invitation.ts";
import {
  type InvitationCredentials,
  openInvitationCredentials,
} from "../../src/invitations/credentials.ts";
import {
  type FirstAdmin,
  seedFirstAdmin,
  undoFirstAdmin,
} from "../../src/invitations/first-admin.ts";
import { IdentityEntity } from "../../src/invitations/identity.entity.ts";
import { mailLinks } from "../../src/invitations/mail-link.ts";
import { revealOneTimePassword } from "../../src/invitations/one-time-password.ts";
import { requestPasswordReset, resetTenantPassword } from "../../src/invitations/password-reset.ts";
import { newestMails, type PeoplePorts } from "../../src/invitations/people.ts";
import { changeTenantPassword, tenantSignIn } from "../../src/invitations/tenant-sign-in.ts";
import { newId } from "../../src/kernel/ids.ts";
import { deliverPendingMail } from "../../src/mail/deliver.ts";
import { fileMailer } from "../../src/mail/file-mailer.ts";
import { ACTOR, ADDRESS, IamWorld, openIam, PASSWORD } from "./iam.ts";

export const OWNER = "owner@example.com";
export const STARTER = {
  kind: "USER",
  id: newId(),
  name: "starter",
  role: "PROVISIONER",
  address: ADDRESS,
} as const;

/** A platform with tenants, whose first administrators can be seeded and can sign in. */
export class TenantWorld extends IamWorld {
  readonly credentials: InvitationCredentials;

  constructor(iam: IamWorld, credentials: InvitationCredentials) {
    super(iam);
    this.credentials = credentials;
  }

  async tenant(slug: string, status = "ACTIVE"): Promise<{ id: string; slug: string }> {
    const id = newId();
    await this.platform.sql(
      `insert into platform.tenant (id, slug, name, status, isolation, schema_name, owner_role, app_role,
         secret_name, admin_email, tier, time_zone)
       values ($1, $2, 'Acme', $3, 'SCHEMA', 'x', 'x', 'x', 'x', $4, 'STANDARD', 'UTC')`,
      [id, slug, status, OWNER],
    );
    return { id, slug };
  }

  seed({ id, slug }: { id: string; slug: string }, more: Partial<FirstAdmin> = {}) {
    return this.em.fork().transactional((em) =>
      seedFirstAdmin(this, em, {
        tenantId: id,
        slug,
        tenantName: "Acme",
        email: OWNER,
        name: "Olive Owner",
        allowExistingUser: false,
        credential: "INVITATION",
        operationId: id,
        actor: ACTOR,
        ...more,
      }),
    );
  }

  undo(tenant: { id: string }) {
    return this.em.fork().transactional((em) => undoFirstAdmin(em, { tenantId: tenant.id }));
  }

  accept(token: string, newPassword = PASSWORD) {
    return acceptInvitation(this, { token, newPassword, address: ADDRESS });
  }

  signIn(slug: string, password = PASSWORD, email = OWNER) {
    return tenantSignIn(this, { slug, email, password, address: ADDRESS });
  }

  changePassword(slug: string, currentPassword: string, newPassword = PASSWORD) {
    const input = { slug, email: OWNER, currentPassword, newPassword, address: ADDRESS };
    return changeTenantPassword(this, input);
  }

  /** What managing people takes; mails wait for `deliver`. */
  managing() {
    return { ...this, em: this.em, queue: { enqueueMail: async () => {} } };
  }

  /** What reading people takes. */
  people(): PeoplePorts {
    const em = this.em.fork();
    return {
      em,
      now: this.clock(),
      identities: { load: (id) => em.findOne(IdentityEntity, { id }) },
      mails: { load: async (id) => (await newestMails(em, [id]))(id) },
    };
  }

  requestReset(slug: string, email = OWNER) {
    return requestPasswordReset(this.managing(), { slug, email, address: ADDRESS });
  }

  reset(token: string, newPassword = "another quiet river") {
    return resetTenantPassword(this, { token, newPassword, address: ADDRESS });
  }

  /** Asks for a new password and answers the token of the mail's link. */
  async forgotten(slug: string, email = OWNER): Promise<string> {
    const before = await this.mails();
    await this.requestReset(slug, email);
    const mail = (await this.mails()).find((one) => !before.includes(one)) ?? "";
    return /reset-password\?token=([\w.-]+)/.exec(mail)?.[1] ?? "no token";
  }

  reveal(operationId: string, actor: typeof STARTER | (typeof STARTER & { id: string }) = STARTER) {
    return revealOneTimePassword(this, actor, { operationId, startedBy: STARTER });
  }

  async deliver() {
    const { clock, credentials, em } = this;
    const mailer = fileMailer({ dataDir: this.platform.dataDir, from: "a@example.com", clock });
    const linkOf = mailLinks({ credentials, clock, tenantUrl: "https://{slug}.example.com/" });
    return await deliverPendingMail({ em, mailer, linkOf, clock }, { limit: 100 });
  }

  /** Delivers, and answers the mails that lie in the data directory, oldest first, soft breaks undone. */
  async mails(): Promise<string[]> {
    await this.deliver();
    const folder = join(this.platform.dataDir, "mail");
    const names = (await readdir(folder).catch(() => [])).sort();
    const texts = names.map((name) => readFile(join(folder, name), "utf8"));
    return (await Promise.all(texts)).map((text) =>
      text.replaceAll("=\r\n", "").replaceAll("=3D", "="),
    );
  }

  /** Invites by mail and answers the token of the link. */
  async invited(
    tenant: { id: string; slug: string },
    more: Partial<FirstAdmin> = {},
  ): Promise<string> {
    await this.seed(tenant, more);
    const mail = (await this.mails()).at(-1) ?? "";
    return /accept-invitation\?token=([\w.-]+)/.exec(mail)?.[1] ?? "no token";
  }
}

export async function openTenants(): Promise<TenantWorld> {
  const iam = await openIam();
  return new TenantWorld(iam, await openInvitationCredentials(iam));
}
