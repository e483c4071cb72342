import type { PeoplePorts } from "../../invitations/people.ts";
import type { ApiContext } from "../context.ts";

/** What reading people needs, of a request. */
export const peoplePortsOf = ({ em, load, platform }: ApiContext): PeoplePorts => ({
  em: em(),
  identities: load.identity,
  mails: load.newestMail,
  now: platform.clock(),
});
