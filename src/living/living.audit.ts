/** Executes a write and records its outcome: one line of the audit log, and its code for metrics. */
import { GraphQLError, type GraphQLResolveInfo } from "graphql";
import { codeOf, type LivingErrorResult, outcomeOfCode } from "../errors.js";
import { isSameUserid } from "../lib/userid.js";
import type { Outcome } from "../observability/outcome.js";
import type { RequestContext } from "../request-context.js";
import type { IdempotencyKey } from "../wecom/create-once/create-once.js";

export interface LivingWrite {
  readonly action: "living.create" | "living.modify" | "living.cancel" | "living.replay.delete" | "living.upload";
  readonly context: RequestContext;
  readonly info: GraphQLResolveInfo;
  /** The anchor, if known. */
  readonly anchorUserid?: string;
  readonly livingid?: string;
  readonly key?: Pick<IdempotencyKey, "key" | "caller"> | undefined;
  /** Names of the input's fields. */
  readonly changed?: readonly string[];
}

/** Refuses the write if its audit line is required and cannot be written. */
export async function recorded<Success extends { readonly __typename: string }>(
  write: LivingWrite,
  work: () => Promise<Success | LivingErrorResult>,
): Promise<Success | LivingErrorResult> {
  const { context, info } = write;
  if (!context.audit.mayRecord) {
    context.noteFailure(String(info.path.key), codeOf("LivingUnavailableError"));
    return {
      __typename: "LivingUnavailableError",
      message: "The audit log cannot be written, without which nothing is changed here; nothing was changed",
      retryable: true,
      retryAfterSeconds: 5,
    };
  }
  try {
    const result = await work();
    if ("retryable" in result) {
      const code = codeOf(result.__typename);
      context.noteFailure(String(info.path.key), code);
      record(write, outcomeOfCode[code] ?? "failed", { code, errcode: result.errcode });
    } else record(write, "ok", "livingid" in result ? { livingid: String(result.livingid) } : {});
    return result;
  } catch (error) {
    const known = error instanceof GraphQLError ? error.extensions["code"] : undefined;
    const code = typeof known === "string" ? known : "INTERNAL_SERVER_ERROR";
    record(write, outcomeOfCode[code] ?? "failed", { code });
    throw error;
  }
}

const maxIdLength = 64;

interface RecordedOutcome {
  readonly livingid?: string;
  readonly code?: string;
  readonly errcode?: number | undefined;
}

function record(
  { action, context, anchorUserid, livingid, key, changed }: LivingWrite,
  outcome: Outcome,
  recorded: RecordedOutcome,
) {
  const { audit, call, caller, creates, requestId, traceId } = context;
  const isForAnother =
    anchorUserid !== undefined && !(caller.userid !== undefined && isSameUserid(caller.userid, anchorUserid));
  audit.record({
    action,
    outcome,
    corp: call.corp,
    actor: caller,
    changed,
    requestId,
    traceId,
    // A refused id may be any text, so it is not recorded.
    livingid: (recorded.livingid ?? livingid)?.slice(0, maxIdLength),
    onBehalfOf: isForAnother ? anchorUserid.slice(0, maxIdLength) : undefined,
    keyId: key && creates.idOf(key, call.corp),
    code: recorded.code,
    errcode: recorded.errcode,
  });
}
