/** The livings of one anchor, page by page, with their status as WeCom tells it. */
import { useQuery } from "@apollo/client/react";
import { useCallback, useEffect, useRef, useState } from "react";
import { type LivingFieldsFragment, LivingsDocument } from "wecom-living-client";
import { useAnnouncer } from "./announcer.js";
import { failureMessage } from "./gateway.js";
import { HostOptions } from "./host-options.js";
import { useSpeech } from "./language.js";
import { pathOf } from "./navigation.js";
import { firstHost, type Person } from "./session.js";
import { StatusMark } from "./status-mark.js";
import { useStatusChanges } from "./status-changes.js";

const pageSize = 10;

type Paging = "idle" | "loading" | "failed";

interface LivingListProps {
  readonly person: Person;
  readonly chosen: string | undefined;
}

export function LivingList({ person, chosen }: LivingListProps) {
  const speech = useSpeech();
  const { words } = speech;
  const { announce } = useAnnouncer();
  const [anchorUserid, setAnchor] = useState(firstHost(person).userid);
  const { data, loading, error, fetchMore, refetch } = useQuery(LivingsDocument, {
    variables: { anchorUserid, first: pageSize },
    // What cannot be read is null, and the rest is shown.
    errorPolicy: "all",
  });
  useStatusChanges({ anchorUserid });

  const livings = (data?.livings.edges ?? []).map(({ node, cursor }) => ({ cursor, living: node }));
  const { hasNextPage = false, endCursor = null } = data?.livings.pageInfo ?? {};
  const [paging, setPaging] = useState<Paging>("idle");
  const showMore = useCallback(async () => {
    setPaging("loading");
    try {
      const { data: page } = await fetchMore({ variables: { after: endCursor } });
      announce(words.moreLoaded(livings.length + page.livings.edges.length));
      setPaging("idle");
    } catch {
      setPaging("failed");
    }
  }, [announce, endCursor, fetchMore, livings.length, words]);

  return (
    <section className="list" aria-labelledby="list-heading" aria-busy={loading}>
      <div className="list-head">
        <h2 id="list-heading" className="heard">
          {words.title}
        </h2>
        <label className="anchor">
          <span>{words.liveStreamsOf}</span>
          <select value={anchorUserid} onChange={({ target }) => setAnchor(target.value)}>
            <HostOptions />
          </select>
        </label>
        <a className="button primary" href="#/new">
          {words.schedule}
        </a>
      </div>
      {error && !data && (
        <div className="failure" role="alert">
          <p>{failureMessage(error, speech)}</p>
          <button type="button" onClick={() => void refetch()}>
            {words.tryAgain}
          </button>
        </div>
      )}
      {loading && !data && <p className="placeholder">{words.loading}</p>}
      {data && livings.length === 0 && <p className="placeholder">{words.noneYet}</p>}
      <ul className="livings">
        {livings.map(({ living, cursor }) => (
          <li key={living?.livingid ?? cursor}>
            {living ? (
              <LivingRow living={living} isChosen={living.livingid === chosen} />
            ) : (
              <p className="unreadable">{words.unreadable}</p>
            )}
          </li>
        ))}
      </ul>
      {hasNextPage ? (
        <MoreButton paging={paging} onMore={showMore} />
      ) : (
        livings.length > pageSize && <p className="placeholder">{words.allShown}</p>
      )}
    </section>
  );
}

function LivingRow({ living, isChosen }: { readonly living: LivingFieldsFragment; readonly isChosen: boolean }) {
  const { date, length } = useSpeech();
  const { livingid, theme, status, livingStart, livingDuration } = living;
  return (
    <a className="row" href={pathOf(livingid)} aria-current={isChosen ? "true" : undefined}>
      {livingStart !== null && (
        <time className="day" dateTime={new Date(livingStart * 1000).toISOString()}>
          <b>{new Date(livingStart * 1000).getDate()}</b>
          <span>{date(livingStart, { month: "short" })}</span>
        </time>
      )}
      <span className="what">
        <strong>{theme}</strong>
        <small>
          {livingStart !== null && date(livingStart, { weekday: "short", hour: "2-digit", minute: "2-digit" })}
          {livingDuration !== null && ` · ${length(livingDuration)}`}
        </small>
      </span>
      <StatusMark status={status} />
    </a>
  );
}

/** Pressed by itself when it comes into sight; after a failure only by hand. */
function MoreButton({ paging, onMore }: { readonly paging: Paging; readonly onMore: () => Promise<void> }) {
  const { words } = useSpeech();
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!button.current || paging !== "idle") return;
    const observer = new IntersectionObserver(([entry]) => {
      if (entry?.isIntersecting) void onMore();
    });
    observer.observe(button.current);
    return () => observer.disconnect();
  }, [paging, onMore]);
  return (
    <button
      type="button"
      className="more"
      ref={button}
      aria-disabled={paging === "loading"}
      onClick={() => paging !== "loading" && void onMore()}
    >
      {{ idle: words.showMore, loading: words.loading, failed: words.tryAgain }[paging]}
    </button>
  );
}
