/** Images for an EVENT: allowed formats, names that are sent to WeCom, and results. */
import { type FormattedExecutionResult, GraphQLError, type GraphQLResolveInfo, GraphQLScalarType } from "graphql";
import { Arg, Ctx, Info, Mutation, registerEnumType, Resolver } from "type-graphql";
import {
  codeOf,
  type LivingErrorName,
  type LivingErrorResult,
  type LivingFieldViolation,
  toLivingError,
} from "../errors.js";
import { UploadedFile } from "../lib/uploaded-file.js";
import type { RequestContext } from "../request-context.js";
import { notSent } from "../wecom/errors.js";
import { type Image, imageBytes } from "../wecom/media.datasource.js";
import { requireScope } from "./living.access.js";
import { recorded } from "./living.audit.js";
import { CostsACall, NeedsScope } from "./living.directives.js";
import { inputError, UploadLivingImageResult } from "./living.results.js";

export const Upload = new GraphQLScalarType<UploadedFile, never>({
  name: "Upload",
  description:
    "A file of a multipart request (https://github.com/jaydenseric/graphql-multipart-request-spec), which needs the header apollo-require-preflight.",
  parseValue(value) {
    if (value instanceof UploadedFile) return value;
    throw new GraphQLError("Upload must be a file of a multipart request");
  },
  parseLiteral() {
    throw new GraphQLError("Upload must be a variable");
  },
  serialize() {
    throw new GraphQLError("Upload is for input only");
  },
});

export enum LivingImagePurpose {
  COVER = "cover",
  SHARE_CARD = "share-card",
  DETAIL = "detail",
}

registerEnumType(LivingImagePurpose, {
  name: "LivingImagePurpose",
  description: "What an image of an EVENT is for.",
  valuesConfig: {
    COVER: { description: "The cover: activityCoverMediaid." },
    SHARE_CARD: { description: "The card by which it is shared: activityShareMediaid." },
    DETAIL: { description: "The detail page: activityDetail.imageList." },
  },
});

interface UploadLivingImageSuccess {
  readonly __typename: "UploadLivingImageSuccess";
  readonly mediaid: string;
  readonly expiresAt: number;
}

@Resolver()
export class LivingUploads {
  @NeedsScope("living:write")
  @CostsACall()
  @Mutation(() => UploadLivingImageResult, {
    description:
      "Uploads an image for an EVENT to WeCom, which keeps it for 3 days: JPEG or PNG, more than 5 bytes, at most 10 MB.",
  })
  async uploadLivingImage(
    @Arg("image", () => Upload, { description: "The image." }) image: UploadedFile,
    @Arg("purpose", () => LivingImagePurpose, { description: "What it is for. WeCom takes the same images for all." })
    purpose: LivingImagePurpose,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<UploadLivingImageSuccess | LivingErrorResult> {
    return await recorded({ action: "living.upload", context, info }, () => upload(image, purpose, context));
  }
}

async function upload(
  image: UploadedFile,
  purpose: LivingImagePurpose,
  { caller, call, media }: RequestContext,
): Promise<UploadLivingImageSuccess | LivingErrorResult> {
  requireScope(caller, "living:write");
  const tooLate = () => notSent("media/upload", "the image arrived too late");
  const broken = (cause: unknown) => {
    throw notSent("media/upload", "the image did not arrive completely", { cause });
  };
  try {
    const size = sizeViolation(image);
    if (size) return inputError([size]);
    const type = imageTypeOf(await call.deadline.race(image.head().catch(broken), tooLate));
    if (!type) return inputError([violated("image must be a JPEG or a PNG", "isImage")]);
    const { media_id, expires_at } = await media.uploadImage(
      {
        ...{ type, size: image.size, filename: safeName(image.filename, type, purpose) },
        read: () => image.read(),
      },
      call,
    );
    return { __typename: "UploadLivingImageSuccess", mediaid: media_id, expiresAt: expires_at };
  } catch (error) {
    if (!image.isWhole && call.deadline.remainingMs === 0) {
      return inputError([violated("image must come in whole before the deadline", "isInTime")]);
    }
    const failure = toLivingError(error);
    if (failure.__typename !== "LivingInputError") return failure;
    return { ...failure, fields: [violated(failure.message, `errcode${failure.errcode ?? ""}`)] };
  }
}

function violated(message: string, constraint: string): LivingFieldViolation {
  return { path: "image", message, constraint };
}

function sizeViolation({ size }: UploadedFile): LivingFieldViolation | undefined {
  if (size <= imageBytes.moreThan)
    return violated(`image must have more than ${imageBytes.moreThan} bytes`, "minBytes");
  if (size > imageBytes.atMost) return violated(`image must have at most ${imageBytes.atMost} bytes`, "maxBytes");
  return undefined;
}

const signatures = [
  ["image/jpeg", Buffer.from([0xff, 0xd8, 0xff])],
  ["image/png", Buffer.from("\x89PNG\r\n\x1a\n", "latin1")],
] as const;

/** Detected by its first bytes, whatever the client calls it. */
function imageTypeOf(head: Buffer): Image["type"] | undefined {
  return signatures.find(([, signature]) => head.subarray(0, signature.length).equals(signature))?.[0];
}

const maxNameLength = 100;

/** Removes what could end the quoted name or the header, and sets the extension of the format. */
function safeName(given: string, type: Image["type"], purpose: LivingImagePurpose): string {
  const stem = given
    .toWellFormed()
    // Browsers escape quotes and line ends this way.
    .replace(/%(22|0a|0d)/gi, "")
    .replace(/[\p{Cc}"\\/:*?<>|;\u2028\u2029]/gu, "")
    .replace(/\.[^.]*$/, "")
    .trim();
  const extension = type === "image/png" ? "png" : "jpg";
  return `${Array.from(stem).slice(0, maxNameLength).join("") || purpose}.${extension}`;
}

/** Executed by `POST /media`, so that both ways to upload have the same rights, limits and results. */
export const mediaOperation = {
  document: `mutation UploadLivingImage($image: Upload!, $purpose: LivingImagePurpose!) {
    uploadLivingImage(image: $image, purpose: $purpose) {
      __typename
      ... on UploadLivingImageSuccess { mediaid expiresAt }
      ... on LivingError { message retryable errcode }
      ... on LivingInputError { fields { path message constraint } }
      ... on LivingRateLimitError { retryAfterSeconds }
      ... on LivingUnavailableError { retryAfterSeconds }
      ... on LivingOutcomeUnknownError { howToFindOut }
      ... on LivingWecomError { errmsg docsUrl }
    }
  }`,
  toHttp,
};

const statuses: Readonly<Record<LivingErrorName, number>> = {
  LivingInputError: 400,
  LivingPermissionError: 403,
  LivingNotFoundError: 404,
  LivingStateError: 409,
  LivingRateLimitError: 429,
  LivingConfigurationError: 500,
  LivingWecomError: 502,
  LivingOutcomeUnknownError: 502,
  LivingUnavailableError: 503,
};
const statusesOfCodes: Readonly<Record<string, number>> = {
  BAD_USER_INPUT: 400,
  FORBIDDEN: 403,
  OPERATION_TIMEOUT: 504,
};

interface HttpResult {
  readonly status: number;
  readonly body: unknown;
  readonly retryAfterSeconds?: number;
}

/** The union's members as HTTP statuses; their fields become `extensions`, as in a top-level error. */
function toHttp({ data, errors }: FormattedExecutionResult): HttpResult {
  const result = data?.["uploadLivingImage"] as (UploadLivingImageSuccess | LivingErrorResult) | undefined;
  if (!result) {
    const status = statusesOfCodes[String(errors?.[0]?.extensions?.["code"])] ?? 500;
    return { status, body: { errors: errors?.map(({ message, extensions }) => ({ message, extensions })) } };
  }
  if (result.__typename === "UploadLivingImageSuccess") {
    const { mediaid, expiresAt } = result;
    return { status: 200, body: { mediaid, expiresAt } };
  }
  const { __typename, message, ...rest } = result;
  return {
    status: statuses[__typename],
    body: { errors: [{ message, extensions: { code: codeOf(__typename), ...rest } }] },
    ...("retryAfterSeconds" in result && { retryAfterSeconds: result.retryAfterSeconds }),
  };
}
