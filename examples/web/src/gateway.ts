/** Apollo Client for one person: queries and mutations over HTTP, subscriptions over a WebSocket. */
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache } from "@apollo/client";
import { SetContextLink } from "@apollo/client/link/context";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { OperationTypeNode } from "graphql";
import { createClient } from "graphql-ws";
import { livingErrorMessage } from "wecom-living-client";
import { possibleTypes, typePolicies } from "wecom-living-client/apollo";
import type { Speech } from "./language.js";
import type { Session } from "./session.js";

export interface Gateway {
  readonly client: ApolloClient;
  /** Whether status changes come in, for `useSyncExternalStore`. */
  readonly isConnected: () => boolean;
  readonly onConnection: (listener: () => void) => () => void;
  readonly close: () => void;
}

export function openGateway(session: Session): Gateway {
  let isConnected = false;
  let wasConnected = false;
  const listeners = new Set<() => void>();
  const setConnected = (value: boolean): void => {
    isConnected = value;
    for (const listener of listeners) listener();
  };
  const authorization = async (): Promise<{ authorization: string }> => ({
    authorization: `Bearer ${await session.token()}`,
  });
  const socket = createClient({
    url: `${location.origin.replace("http", "ws")}/graphql`,
    // A function: each connection begins with a fresh token, for the gateway closes it when its token ends.
    connectionParams: authorization,
    retryAttempts: Infinity,
    shouldRetry: () => true,
    on: {
      connected: () => {
        setConnected(true);
        // What happened while there was no connection is not told: read again.
        if (wasConnected) void client.refetchQueries({ include: "active" });
        wasConnected = true;
      },
      closed: () => setConnected(false),
    },
  });
  const authorize = new SetContextLink(async ({ headers }) => ({
    headers: { ...(headers as Record<string, string> | undefined), ...(await authorization()) },
  }));
  const client = new ApolloClient({
    link: ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      new GraphQLWsLink(socket),
      ApolloLink.from([authorize, new HttpLink({ uri: "/graphql" })]),
    ),
    cache: new InMemoryCache({ possibleTypes, typePolicies }),
  });
  return {
    client,
    isConnected: () => isConnected,
    onConnection: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => {
      client.stop();
      void socket.dispose();
    },
  };
}

/** A sentence about what is not data: not signed in, not allowed, a read that failed, no network. */
export function failureMessage(error: unknown, { words, language }: Pick<Speech, "words" | "language">): string {
  if (!CombinedGraphQLErrors.is(error)) return words.unreachable;
  const { code, errcode } = (error.errors[0]?.extensions ?? {}) as { code?: string; errcode?: number };
  if (code === "UNAUTHENTICATED") return words.signedOut;
  if (code === "FORBIDDEN") return words.forbidden;
  return livingErrorMessage({ __typename: nameOf(code), errcode }, language);
}

/** Reads fail with the same words as mutations: LIVING_NOT_FOUND is LivingNotFoundError. */
function nameOf(code = ""): string {
  const words = code.split("_").map((word) => word.charAt(0) + word.slice(1).toLowerCase());
  return `${words.join("")}Error`;
}
