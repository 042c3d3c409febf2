/**
 * One HTTP exchange with WeCom over undici's `dispatch`: the cheapest of its interfaces, and the only one that tells
 * whether a request had left when it failed. What the answer means is `client.ts`'s business.
 */
import type { Readable } from "node:stream";
import type { Dispatcher } from "undici";
import type { TimeLimit } from "./deadline.js";

/** An answer is at most this long. The longest documented one, 100 livingids, has about 4 kB; get_watch_stat's page size is unknown. */
const maxAnswerBytes = 8 * 1024 * 1024;

export interface HttpAnswer {
  readonly status: number;
  readonly body: Buffer;
}

/** Why no answer came. `isSent` is false only when certainly no byte of the request left this process. */
export class TransportFailure extends Error {
  constructor(
    readonly reason: string,
    readonly isSent: boolean,
    /** What the network said; absent when this side stopped waiting. */
    readonly networkError?: Error,
  ) {
    super(reason, { cause: networkError });
  }
}

export interface HttpRequest {
  readonly method: "GET" | "POST";
  /** Path and query. It holds the token: it must not reach a log or an error. */
  readonly path: string;
  readonly body?: string | BodyStream;
}

/** A body that is read while it is sent. */
export interface BodyStream {
  readonly headers: Readonly<Record<string, string>>;
  /** How long it is: WeCom has not been seen to take one that does not say so. */
  readonly length: number;
  open(): Readable;
}

export function exchange(dispatcher: Dispatcher, request: HttpRequest, timeLimit: TimeLimit): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined;
    let isSettled = false as boolean;
    let status = 0;
    let length = 0;
    const chunks: Buffer[] = [];
    let stopWaiting = (): void => undefined;

    const fail = (reason: string, networkError?: Error): void => {
      if (isSettled) return;
      isSettled = true;
      stopWaiting();
      reject(new TransportFailure(reason, controller !== undefined, networkError));
      controller?.abort(new Error(reason));
    };
    stopWaiting = timeLimit.onCancel((reason) => {
      fail(reason);
    });
    if (!isSettled) {
      dispatcher.dispatch(
        {
          method: request.method,
          path: request.path,
          ...bodyOf(request),
        },
        {
          // undici calls this right before it writes the request. A request that was given up while it waited for a
          // connection is aborted here, so that it is never written after its caller was told that it was not sent.
          onRequestStart(started) {
            // A process that was stopped for a while finds its timers late.
            if (!isSettled && timeLimit.remainingMs === 0) fail("too late to be sent");
            if (isSettled) started.abort(new Error("given up"));
            else controller = started;
          },
          onResponseStart(_controller, statusCode) {
            status = statusCode;
          },
          onResponseData(_controller, chunk) {
            length += chunk.length;
            if (length > maxAnswerBytes) {
              const reason = `answer longer than ${maxAnswerBytes} bytes`;
              fail(reason, new Error(reason));
            } else chunks.push(chunk);
          },
          onResponseEnd() {
            // Others may have taken what was sent for lost since.
            if (timeLimit.remainingMs === 0) fail("the answer came too late");
            if (isSettled) return;
            isSettled = true;
            stopWaiting();
            resolve({ status, body: chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks) });
          },
          onResponseError(_controller, error) {
            fail("code" in error && typeof error.code === "string" ? error.code : error.name, error);
          },
        },
      );
    }
  });
}

const getHeaders = { accept: "application/json" };
const postHeaders = { accept: "application/json", "content-type": "application/json; charset=utf-8" };

function bodyOf({ body }: HttpRequest): Pick<Dispatcher.DispatchOptions, "body" | "headers"> {
  if (body === undefined) return { body: null, headers: getHeaders };
  if (typeof body === "string") return { body, headers: postHeaders };
  const headers = { accept: "application/json", ...body.headers, "content-length": String(body.length) };
  return { body: body.open(), headers };
}
