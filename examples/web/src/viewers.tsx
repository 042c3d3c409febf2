/** Who watched, as a table, and for how long, as a chart of those that are shown. */
import { useQuery } from "@apollo/client/react";
import {
  type LivingExternalViewerFieldsFragment,
  type LivingMemberViewerFieldsFragment,
  LivingViewersDocument,
} from "wecom-living-client";
import { failureMessage } from "./gateway.js";
import { useSpeech } from "./language.js";
import { WatchTimeChart } from "./watch-time-chart.js";

type Viewer = LivingMemberViewerFieldsFragment | LivingExternalViewerFieldsFragment;

const pageSize = 50;

export function Viewers({ livingid, viewerNum }: { readonly livingid: string; readonly viewerNum: number }) {
  const speech = useSpeech();
  const { words } = speech;
  const { data, loading, error, fetchMore } = useQuery(LivingViewersDocument, {
    variables: { livingid, first: pageSize },
    fetchPolicy: "cache-and-network",
    errorPolicy: "all",
  });
  const connection = data?.living?.viewers;
  const viewers = connection?.edges.map(({ node }) => node) ?? [];
  const { hasNextPage = false, endCursor = null } = connection?.pageInfo ?? {};
  return (
    <section className="viewers" aria-labelledby="viewers-heading" aria-busy={loading}>
      <h3 id="viewers-heading">{words.viewers}</h3>
      {error && !connection && (
        <p className="failure" role="alert">
          {failureMessage(error, speech)}
        </p>
      )}
      {connection && viewers.length === 0 && <p className="placeholder">{words.noViewers}</p>}
      {viewers.length > 0 && (
        <>
          <WatchTimeChart minutes={viewers.map(({ watchTime }) => (watchTime ?? 0) / 60)} />
          <ViewerTable viewers={viewers} />
          <p className="hint">{words.viewersShown(viewers.length, viewerNum)}</p>
        </>
      )}
      {hasNextPage && (
        <button type="button" className="more" onClick={() => void fetchMore({ variables: { after: endCursor } })}>
          {words.moreViewers}
        </button>
      )}
    </section>
  );
}

function ViewerTable({ viewers }: { readonly viewers: readonly Viewer[] }) {
  const { words, length } = useSpeech();
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={words.viewerTable}>
      <table>
        <thead>
          <tr>
            <th scope="col">{words.viewer}</th>
            <th scope="col" className="number">
              {words.watched}
            </th>
            <th scope="col">{words.commented}</th>
            <th scope="col">{words.spoke}</th>
          </tr>
        </thead>
        <tbody>
          {viewers.map((viewer) => (
            <tr key={keyOf(viewer)}>
              <th scope="row">
                <ViewerName viewer={viewer} />
              </th>
              <td className="number">{length(viewer.watchTime ?? 0)}</td>
              <td>{viewer.isComment ? words.yes : words.no}</td>
              <td>{viewer.isMic ? words.yes : words.no}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function ViewerName({ viewer }: { readonly viewer: Viewer }) {
  const { words } = useSpeech();
  if (viewer.__typename === "LivingMemberViewer") {
    return (
      <>
        {viewer.user.userid} <small>{words.colleague}</small>
      </>
    );
  }
  return (
    <>
      {viewer.name ?? viewer.contact.externalUserid}{" "}
      <small>{viewer.type === "WECOM" ? words.fromWecom : words.fromWechat}</small>
    </>
  );
}

const keyOf = (viewer: Viewer): string =>
  viewer.__typename === "LivingMemberViewer"
    ? `member ${viewer.user.userid}`
    : `contact ${viewer.contact.externalUserid}`;
