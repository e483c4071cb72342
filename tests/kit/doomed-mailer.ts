// A process that delivers the outbox by SMTP, until the test kills it: `doomed-mailer <database> <smtp>`.

import { openOrm } from "../../src/database/orm.ts";
import { PLATFORM_ENTITIES } from "../../src/entities.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { deliverPendingMail } from "../../src/mail/deliver.ts";
import { smtpMailer } from "../../src/mail/smtp-mailer.ts";

const [, , database = "", smtp = ""] = process.argv;
const { em } = openOrm({ url: database, entities: PLATFORM_ENTITIES });
const mailer = smtpMailer({ url: smtp, from: "Tenantry <no-reply@example.com>" });
const linkOf = async () => "https://acme.example.com/accept-invitation?token=very-hidden";
await deliverPendingMail({ em, mailer, linkOf, clock: systemClock }, { limit: 1 });
