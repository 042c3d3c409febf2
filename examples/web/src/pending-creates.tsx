/** Finishes, when the page opens, what was sent before and whose outcome is not known. */
import { useApolloClient } from "@apollo/client/react";
import { useEffect, useState } from "react";
import { isLivingError, livingErrorMessage, type LivingInput, pendingCreates } from "wecom-living-client";
import { failureMessage } from "./gateway.js";
import { type Speech, useSpeech } from "./language.js";
import { schedule } from "./schedule.js";
import type { Person } from "./session.js";

type Outcome = (speech: Speech) => string;

export function PendingCreates({ person }: { readonly person: Person }) {
  const client = useApolloClient();
  const speech = useSpeech();
  const [pending] = useState(() => pendingCreates({ user: person.userid }));
  const [outcomes, setOutcomes] = useState<Readonly<Record<string, Outcome>>>({});
  useEffect(() => {
    for (const { key, input } of pending) {
      const tell = (outcome: Outcome): void => setOutcomes((before) => ({ ...before, [key]: outcome }));
      schedule(client, input as LivingInput, { key, person }).then(
        (result) =>
          tell(({ words, language }) =>
            isLivingError(result) ? livingErrorMessage(result, language) : words.resumed((input as LivingInput).theme),
          ),
        (error: unknown) => tell((speech) => failureMessage(error, speech)),
      );
    }
  }, [client, pending, person]);
  return (
    <div className="pending" role="status">
      {pending.map(({ key, input }) => (
        <p key={key}>{outcomes[key]?.(speech) ?? speech.words.resuming((input as LivingInput).theme)}</p>
      ))}
    </div>
  );
}
