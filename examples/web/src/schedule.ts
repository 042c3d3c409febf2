/** Creates a living once, whatever happens on the way, and puts it into the list. */
import type { ApolloClient } from "@apollo/client";
import {
  CreateLivingDocument,
  type CreateLivingMutation,
  createLivingOnce,
  isLivingError,
  type LivingInput,
  ReadLivingDocument,
} from "wecom-living-client";
import type { Person } from "./session.js";
import { putFirst } from "./status-changes.js";

export interface ScheduleOptions {
  /** Made when the form opened. */
  readonly key: string;
  readonly person: Person;
  /** Called for each request: from the second on, an answer was lost or asked for patience. */
  readonly onAttempt?: (attempt: number) => void;
}

export async function schedule(
  client: ApolloClient,
  input: LivingInput,
  { key, person, onAttempt }: ScheduleOptions,
): Promise<CreateLivingMutation["createLiving"]> {
  let attempt = 0;
  const result = await createLivingOnce(
    async (variables) => {
      onAttempt?.((attempt += 1));
      const { data } = await client.mutate({ mutation: CreateLivingDocument, variables });
      if (!data) throw new Error("the gateway answered without data");
      return data.createLiving;
    },
    input,
    key,
    // A key belongs to its caller: what one person left unfinished is not sent for another.
    { user: person.userid },
  );
  if (!isLivingError(result)) {
    const { livingid } = result;
    const read = client.query({ query: ReadLivingDocument, variables: { livingid }, fetchPolicy: "network-only" });
    // It is created, whether it can be read at once or not.
    const living = (await read.catch(() => undefined))?.data?.living;
    if (living) putFirst(client, input.anchorUserid, living);
  }
  return result;
}
