import type { z } from "zod";
import type { FromAddress, SessionPorts } from "../../iam/sign-in/session.ts";
import { addMutation, type MutationOptions, type Request } from "../generate/mutation.ts";

interface SessionMutation<Payload extends object, Input extends z.ZodObject>
  extends Omit<MutationOptions<Payload, Input>, "grant" | "act"> {
  act(ports: SessionPorts, request: Request<Input> & FromAddress): Promise<NoInfer<Payload>>;
}

/** Adds a mutation by which somebody signs in or out: it is open to callers without a token. */
export const addSessionMutation = <Payload extends object, Input extends z.ZodObject>({
  act,
  ...mutation
}: SessionMutation<Payload, Input>): void =>
  addMutation<Payload, Input>({
    ...mutation,
    grant: null,
    act: (request, { platform: { orm, keys, clock }, address }) =>
      act({ em: orm.em, keys, clock }, { ...request, address }),
  });
