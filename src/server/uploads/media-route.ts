/**
 * `POST /media?purpose=…`: uploads an image without a GraphQL client, as the part `file` of a multipart body or as the
 * body itself. It executes the mutation that it is given, so the same rights and checks apply as on `/graphql`.
 */
import type { FormattedExecutionResult } from "graphql";
import type { Authenticate, Caller } from "../auth/caller.js";
import { Credentials } from "../auth/credentials.js";
import { isPreflighted } from "../cors.js";
import { type Exchange, type Route, sendError, sendJson } from "../exchange.js";
import type { CreateContext } from "../graphql/context.js";
import type { Executor } from "../graphql/execution.js";
import { answerOperation } from "../graphql/graphql-route.js";
import type { Preparation } from "../graphql/prepare.js";
import { csrfMessage, isMultipart, readParts } from "./multipart.js";
import type { Spool } from "./spool.js";
import { readOn, type Upload, UploadRefused, type Uploads } from "./uploads.js";

/** The mutation, which takes the file as `$image`, and its result as an HTTP answer. */
export interface MediaOperation {
  readonly document: string;
  toHttp(result: FormattedExecutionResult): { status: number; body: unknown; retryAfterSeconds?: number };
}

export interface MediaRouteOptions {
  readonly uploads: Uploads;
  readonly operation: MediaOperation;
  readonly preparation: Preparation;
  readonly executor: Executor;
  readonly authenticate: Authenticate;
  readonly createContext: CreateContext;
}

export function mediaRoute(options: MediaRouteOptions): Route {
  return async (exchange) => {
    const { request, headers } = exchange;
    headers.set("cache-control", "no-store");
    const authentication = await options.authenticate(Credentials.ofRequest(request));
    if (authentication.kind === "refused") {
      const { status, message, code, headers: more } = authentication.refusal;
      headers.setAll(more);
      await readOn(exchange);
      sendError(exchange, status, message, code);
      return;
    }
    if (request.method !== "POST") {
      headers.set("allow", "POST");
      sendError(exchange, 405, "POST an image", "BAD_REQUEST");
      return;
    }
    await options.uploads.take(exchange, authentication.caller.identity, async (upload) => {
      const file = await fileOf(exchange, upload);
      await answer(options, exchange, authentication.caller, file);
    });
  };
}

async function fileOf(exchange: Exchange, upload: Upload): Promise<Spool> {
  const { request } = exchange;
  if (isMultipart(request.headers)) {
    if (!isPreflighted(request.headers)) throw new UploadRefused(400, csrfMessage);
    return await filePart(exchange, upload);
  }
  const {
    "content-type": type = "",
    "content-length": length,
    "content-encoding": encoding = "identity",
  } = request.headers;
  // Pages of other origins can send these content types without a preflight.
  if (!/^(image\/|application\/octet-stream)/i.test(type) || encoding !== "identity") {
    throw new UploadRefused(415, "The body must be an image, or multipart/form-data with a part named file");
  }
  const announcedBytes = length === undefined ? undefined : Number(length);
  const file = upload.file({ filename: "", ...(announcedBytes !== undefined && { announcedBytes }) });
  const received = upload.receive(request, file);
  // If the length is known, the call to WeCom starts immediately; later errors are `file.failure`, and reach its reader.
  if (announcedBytes !== undefined && upload.mayBePiped) received.catch(() => undefined);
  else await received;
  return file;
}

const partName = "file";

async function filePart({ request }: Exchange, upload: Upload): Promise<Spool> {
  let file: Spool | undefined;
  await readParts(
    request,
    { fieldBytes: 1000, bytes: upload.maxReadBytes },
    {
      field: (name) => {
        throw new UploadRefused(
          400,
          `The body must have one part, a file named ${partName}, found ${JSON.stringify(name)}`,
        );
      },
      file: async (name, content, filename) => {
        if (name !== partName || file)
          throw new UploadRefused(400, `The body must have one part, a file named ${partName}`);
        file = upload.file({ filename: filename ?? "" });
        await upload.receive(content, file);
      },
    },
  );
  if (!file) throw new UploadRefused(400, `The body must have one part, a file named ${partName}`);
  return file;
}

async function answer(options: MediaRouteOptions, exchange: Exchange, caller: Caller, image: Spool): Promise<void> {
  const { operation, preparation } = options;
  const { search, headers } = exchange;
  const variables = { image, purpose: new URLSearchParams(search).get("purpose") };
  const prepared = preparation.prepare({ query: operation.document, variables }, "post");
  const { result } = await answerOperation(options, prepared, exchange, caller);
  // The call to WeCom failed because the file could not be kept while it was sent on.
  if (image.failure instanceof UploadRefused) throw image.failure;
  const { status, body, retryAfterSeconds } = operation.toHttp(result);
  await readOn(exchange);
  if (retryAfterSeconds !== undefined) headers.set("retry-after", String(retryAfterSeconds));
  sendJson(exchange, status, body);
}
