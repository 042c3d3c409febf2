/**
 * One HTTP exchange with WeCom over undici's `dispatch`: its cheapest interface, and the only one that shows whether a
 * request had left when it failed. `client.ts` interprets the answer.
 */
import type { Readable } from "node:stream";
import type { Dispatcher } from "undici";
import type { TimeLimit } from "./deadline.js";

/**
 * The maximum length of an answer. The longest documented one, 100 livingids, has about 4 kB; get_watch_stat's page
 * size is unknown.
 */
const maxAnswerBytes = 8 * 1024 * 1024;

export interface HttpAnswer {
  readonly status: number;
  readonly body: Buffer;
}

/** Why no answer arrived. `isSent` is false only if certainly no byte of the request left this process. */
export class TransportFailure extends Error {
  constructor(
    readonly reason: string,
    readonly isSent: boolean,
    /** The network's error; absent if this side stopped waiting. */
    readonly networkError?: Error,
  ) {
    super(reason, { cause: networkError });
  }
}

export interface HttpRequest {
  readonly method: "GET" | "POST";
  /** Path and query. It contains the token, so it must not reach a log or an error. */
  readonly path: string;
  readonly body?: string | BodyStream;
}

/** A body that is streamed. */
export interface BodyStream {
  readonly headers: Readonly<Record<string, string>>;
  /** Its length: WeCom has not been seen to accept requests without one. */
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
          // undici calls this right before it writes the request. If the request was cancelled while it waited for a
          // connection, it is aborted here, so that it is never written after its caller got the answer that it was not sent.
          onRequestStart(started) {
            // After a stall of the process, timers fire late.
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
            // Other replicas may have declared the call lost since.
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
