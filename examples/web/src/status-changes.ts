/** What WeCom tells of livings: into the cache, and to who listens. */
import type { ApolloClient } from "@apollo/client";
import { useApolloClient, useSubscription } from "@apollo/client/react";
import { type LivingFieldsFragment, LivingsDocument, LivingStatusChangedDocument } from "wecom-living-client";
import { useAnnouncer } from "./announcer.js";
import { useSpeech } from "./language.js";

const restartAfterMs = 2000;

/** The status itself needs no code: the event brings the living, and the cache knows it by its livingid. */
export function useStatusChanges(of: { readonly anchorUserid: string } | { readonly livingid: string }): void {
  const { words } = useSpeech();
  const { announce } = useAnnouncer();
  const client = useApolloClient();
  const { restart } = useSubscription(LivingStatusChangedDocument, {
    variables: of,
    ignoreResults: true,
    onData: ({ data: { data } }) => {
      const living = data?.livingStatusChanged.living;
      if (!living || !("anchorUserid" in of)) return;
      if (living.status === "LIVE") announce(words.nowLiveAnnounced(living.theme ?? ""));
      if (living.status === "RESERVED") putFirst(client, of.anchorUserid, living);
    },
    // EVENTS_MISSED, for one: read again what may have changed, then listen again.
    onError: () => {
      setTimeout(() => {
        restart();
        void client.refetchQueries({ include: "active" });
      }, restartAfterMs);
    },
  });
}

/** A living that was just reserved, here or elsewhere. The pages that are shown stay. */
export function putFirst(client: ApolloClient, anchorUserid: string, living: LivingFieldsFragment): void {
  client.cache.updateQuery({ query: LivingsDocument, variables: { anchorUserid } }, (shown) => {
    if (!shown || shown.livings.edges.some(({ node }) => node?.livingid === living.livingid)) return undefined;
    const edge = { __typename: "LivingEdge" as const, cursor: living.livingid, node: living };
    return { ...shown, livings: { ...shown.livings, edges: [edge, ...shown.livings.edges] } };
  });
}
