/**
 * Operations that may have several results, from WebSockets and event streams. They are prepared and executed like
 * others; subscriptions join a shared stream.
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
  /** The result of a query or mutation, or of anything that was not executed and so has no `data`. */
  | { readonly kind: "answer"; readonly result: FormattedExecutionResult }
  /** The subscriber gets results from now on, until it leaves. */
  | { readonly kind: "stream"; readonly leave: () => void };

export class StreamedOperations {
  readonly #streams: SharedStreams;

  constructor(private readonly options: StreamedOperationsOptions) {
    this.#streams = new SharedStreams(options);
  }

  /** The number of open subscriptions. */
  get size(): number {
    return this.#streams.size;
  }

  /** @param subscriber the caller, and the receiver of a subscription's results */
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
