/** A request that is answered without being executed. */
import { GraphQLError } from "graphql";

export interface Refused {
  readonly kind: "refused";
  readonly errors: readonly GraphQLError[];
  /** The `code` for errors without one. */
  readonly code: string;
  /** Set if the status does not follow from the answer's media type. */
  readonly http?: RefusalHttp;
}

export interface RefusalHttp {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export function refused(message: string, code: string, http?: RefusalHttp): Refused {
  return refusedWith([new GraphQLError(message)], code, http);
}

export function refusedWith(errors: readonly GraphQLError[], code: string, http?: RefusalHttp): Refused {
  return { kind: "refused", errors, code, ...(http && { http }) };
}

/** A malformed request: 400 with any media type. */
export function badRequest(message: string): Refused {
  return refused(message, "BAD_REQUEST", { status: 400 });
}
