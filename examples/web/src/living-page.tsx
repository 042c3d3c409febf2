/** One living: what it is, where it stands, what can be done with it. */
import { useMutation, useQuery } from "@apollo/client/react";
import { useState } from "react";
import {
  CancelLivingDocument,
  DeleteLivingReplayDocument,
  isLivingError,
  type LivingError,
  livingErrorMessage,
  type LivingFieldsFragment,
  ReadLivingDocument,
} from "wecom-living-client";
import { useAnnouncer } from "./announcer.js";
import { failureMessage } from "./gateway.js";
import { useSpeech } from "./language.js";
import { useFocusOnOpen } from "./navigation.js";
import { Question } from "./question.js";
import { people } from "./session.js";
import { StatusMark } from "./status-mark.js";
import { useStatusChanges } from "./status-changes.js";
import { Viewers } from "./viewers.js";

export function LivingPage({ livingid }: { readonly livingid: string }) {
  const speech = useSpeech();
  const { words } = speech;
  const heading = useFocusOnOpen<HTMLElement>();
  const { data, loading, error } = useQuery(ReadLivingDocument, {
    variables: { livingid },
    fetchPolicy: "cache-and-network",
    errorPolicy: "all",
  });
  // The list may be another anchor's.
  useStatusChanges({ livingid });
  const living = data?.living;
  const hasBegun = living?.status === "LIVE" || living?.status === "ENDED";
  return (
    <article className="panel" ref={heading} tabIndex={-1} aria-busy={loading}>
      <a className="back" href="#/">
        {words.back}
      </a>
      {!living && loading && <p className="placeholder">{words.loading}</p>}
      {!living && !loading && (
        <p className="failure" role="alert">
          {error ? failureMessage(error, speech) : words.unreadable}
        </p>
      )}
      {living && <Details living={living} />}
      {living && <Actions living={living} />}
      {living && hasBegun && <Viewers livingid={livingid} viewerNum={living.viewerNum ?? 0} />}
    </article>
  );
}

function Details({ living }: { readonly living: LivingFieldsFragment }) {
  const { words, language, date, length } = useSpeech();
  const { theme, status, livingStart, livingDuration, type, anchor, description, replayStatus } = living;
  const anchorName = people.find(({ userid }) => userid === anchor?.userid)?.name[language] ?? anchor?.userid;
  const terms = [
    [words.host, anchorName],
    [words.start, livingStart !== null && date(livingStart, { dateStyle: "full", timeStyle: "short" })],
    [words.duration, livingDuration !== null && length(livingDuration)],
    [words.kind, type && words.type[type]],
    [words.description, description],
    [words.replayTerm, replayStatus && words.replay[replayStatus]],
  ] as const;
  const figures = (["viewerNum", "onlineCount", "commentNum", "micNum"] as const).filter(
    (name) => living[name] !== null && (name !== "onlineCount" || status === "LIVE"),
  );
  return (
    <>
      <header>
        <StatusMark status={status} />
        <h2>{theme}</h2>
      </header>
      <dl className="terms">
        {terms.map(
          ([term, value]) =>
            value && (
              <div key={term}>
                <dt>{term}</dt>
                <dd>{value}</dd>
              </div>
            ),
        )}
      </dl>
      {(status === "LIVE" || status === "ENDED") && (
        <dl className="figures">
          {figures.map((name) => (
            <div key={name}>
              <dt>{words.figures[name]}</dt>
              <dd>{living[name]}</dd>
            </div>
          ))}
        </dl>
      )}
    </>
  );
}

function Actions({ living: { livingid, theme, status, replayStatus } }: { readonly living: LivingFieldsFragment }) {
  const speech = useSpeech();
  const { words, language } = speech;
  const { notify } = useAnnouncer();
  const [asked, setAsked] = useState<"cancel" | "delete">();
  const [failure, setFailure] = useState<string>();
  const [cancel, { loading: isCancelling }] = useMutation(CancelLivingDocument);
  const [deleteReplay, { loading: isDeleting }] = useMutation(DeleteLivingReplayDocument);

  const settle = async (
    result: Promise<{ livingid: string } | LivingError | undefined>,
    done: string,
  ): Promise<void> => {
    try {
      const answer = await result;
      if (answer && "message" in answer && isLivingError(answer)) setFailure(livingErrorMessage(answer, language));
      else notify(done);
    } catch (error) {
      setFailure(failureMessage(error, speech));
    }
    setAsked(undefined);
  };
  const run = (): void => {
    setFailure(undefined);
    const options = { variables: { livingid } };
    if (asked === "cancel")
      void settle(
        cancel(options).then(({ data }) => data?.cancelLiving),
        words.cancelled,
      );
    else
      void settle(
        deleteReplay(options).then(({ data }) => data?.deleteLivingReplay),
        words.replayDeleted,
      );
  };
  const isCancel = asked === "cancel";
  return (
    <>
      <p className="failure" role="alert" hidden={failure === undefined}>
        {failure}
      </p>
      {(status === "RESERVED" || replayStatus === "READY") && (
        <div className="actions">
          {status === "RESERVED" && (
            <button type="button" className="danger" onClick={() => setAsked("cancel")}>
              {words.cancel}
            </button>
          )}
          {replayStatus === "READY" && (
            <button type="button" className="danger" onClick={() => setAsked("delete")}>
              {words.deleteReplay}
            </button>
          )}
        </div>
      )}
      {asked && (
        <Question
          title={isCancel ? words.cancelQuestion(theme ?? "") : words.deleteQuestion(theme ?? "")}
          confirm={isCancel ? words.cancel : words.deleteReplay}
          isBusy={isCancelling || isDeleting}
          onConfirm={run}
          onClose={() => setAsked(undefined)}
        >
          <p>{isCancel ? words.cancelConsequence : words.deleteConsequence}</p>
        </Question>
      )}
    </>
  );
}
