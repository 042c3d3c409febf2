/**
 * Operations whose answers may be many: what comes over a WebSocket or asks for an event stream. They are prepared and
 * executed as any other; who subscribes joins a shared stream.
 */
import { type FormattedExecutionResult, OperationTypeNode } from "graphql";
import type { ContextSource } from "../graphql/context.js";
import type { Fields } from "../graphql/graphql-request.js";
import type { Preparation } from "../graphql/prepare.js";
import { SharedStreams, type SharedStreamsOptions, type StreamSubscriber } from "./shared-streams.js";

export interface StreamedOperationsOptions extends SharedStreamsOptions {
  readonly preparation: Preparation;
}

export type StartedOperation =
  /** Of a query, a mutation, or of whatever is not executed: that has no `data`. */
  | { readonly kind: "answer"; readonly result: FormattedExecutionResult }
  /** The subscriber is told from now on, until it leaves. */
  | { readonly kind: "stream"; readonly leave: () => void };

export class StreamedOperations {
  readonly #streams: SharedStreams;

  constructor(private readonly options: StreamedOperationsOptions) {
    this.#streams = new SharedStreams(options);
  }

  /** How many subscriptions are open. */
  get size(): number {
    return this.#streams.size;
  }

  /** @param subscriber who is calling, and to whom the events of a subscription go */
  async start(
    fields: Fields,
    source: ContextSource,
    subscriber: StreamSubscriber,
    { allowsMutations } = { allowsMutations: true },
  ): Promise<StartedOperation> {
    const { preparation, executor, createContext } = this.options;
    const operation = preparation.prepare(fields, allowsMutations ? "stream" : "stream-by-get");
    if (operation.kind === "refused") return { kind: "answer", result: executor.refuse(operation, source).result };
    if (operation.type !== OperationTypeNode.SUBSCRIPTION) {
      const context = createContext(source, subscriber.caller);
      return { kind: "answer", result: (await executor.execute(operation, context, source)).result };
    }
    const joined = await this.#streams.join(operation, subscriber);
    if (joined.kind === "refused") return { kind: "answer", result: { errors: joined.errors } };
    return { kind: "stream", leave: joined.leave };
  }
}
