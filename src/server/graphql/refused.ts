/** A request that is answered without being executed. */
import { GraphQLError } from "graphql";

export interface Refused {
  readonly kind: "refused";
  readonly errors: readonly GraphQLError[];
  /** The `code` of those errors that have none of their own. */
  readonly code: string;
  /** Where the status does not follow from the answer's media type. */
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

/** The request itself is malformed: 400, whatever media type the answer has. */
export function badRequest(message: string): Refused {
  return refused(message, "BAD_REQUEST", { status: 400 });
}
