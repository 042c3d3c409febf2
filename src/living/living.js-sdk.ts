/** `jsSdkSignature`: pages that open livings with WeCom's JS-SDK need a signature that only the app can make. */
import { GraphQLError } from "graphql";
import { Arg, Ctx, Field, ID, Int, ObjectType, Query, Resolver } from "type-graphql";
import { codeOf, toLivingError } from "../errors.js";
import type { RequestContext } from "../request-context.js";
import { WecomApiError } from "../wecom/errors.js";
import type { JsSdkSignature, SignatureData } from "../wecom/js-sdk.js";
import { requireScope } from "./living.access.js";
import { CostsACall, NeedsScope } from "./living.directives.js";

@ObjectType({ description: "What a signature function of @wecom/jssdk gives back." })
export class WecomSignatureData implements SignatureData {
  @Field(() => Int, { description: "When it was signed, in Unix seconds." })
  timestamp!: number;

  @Field(() => String, { description: "A random text." })
  nonceStr!: string;

  @Field(() => String, { description: "The signature: SHA-1 in hexadecimal." })
  signature!: string;
}

@ObjectType({ description: "What `ww.register` of @wecom/jssdk asks for on one page." })
export class WecomJsSdkSignature implements JsSdkSignature {
  @Field(() => ID, { description: "corpId of ww.register." })
  corpid!: string;

  @Field(() => Int, { nullable: true, description: "agentId of ww.register; null where the gateway does not know it." })
  agentid!: number | undefined;

  @Field(() => WecomSignatureData, { description: "For getConfigSignature: signed for the corp." })
  config!: WecomSignatureData;

  @Field(() => WecomSignatureData, {
    nullable: true,
    description:
      "For getAgentConfigSignature: signed for the app, as ww.startLiving and ww.replayLiving demand; null without an agentid.",
  })
  agentConfig!: WecomSignatureData | undefined;
}

@Resolver()
export class JsSdkQueries {
  @NeedsScope("living:read")
  @CostsACall()
  @Query(() => WecomJsSdkSignature, {
    nullable: true,
    description:
      "Signs a page for WeCom's JS-SDK, so that it can open a living: only pages of the gateway's JSSDK_ORIGINS; null, with an error, otherwise.",
  })
  async jsSdkSignature(
    @Arg("url", () => String, {
      description: "The page's address, as in location.href. What follows # is cut off.",
    })
    url: string,
    @Ctx() { caller, call, jsSdk, jsSdkOrigins }: RequestContext,
  ): Promise<JsSdkSignature> {
    requireScope(caller, "living:read");
    const [page = ""] = url.split("#", 1);
    const origin = originOf(page);
    if (origin === undefined || page.length > maxLength) {
      throw refused("url must be the http or https address of a page", "BAD_USER_INPUT");
    }
    if (jsSdkOrigins !== "any" && !jsSdkOrigins.includes(origin)) {
      throw refused("Pages of this origin are not signed for: it is not in JSSDK_ORIGINS", "ORIGIN_NOT_ALLOWED", {
        setting: "JSSDK_ORIGINS",
      });
    }
    try {
      return await jsSdk.sign(page, call);
    } catch (error) {
      throw namingSetting(error, jsSdk.setting);
    }
  }
}

const maxLength = 2048;

/** Only URLs that begin with an allowed origin: WeCom compares the signed text as it is. */
function originOf(page: string): string | undefined {
  if (!URL.canParse(page)) return undefined;
  const { origin, protocol } = new URL(page);
  const isHttp = protocol === "http:" || protocol === "https:";
  const rest = page.startsWith(origin) ? page.slice(origin.length) : undefined;
  return isHttp && rest !== undefined && /^($|[/?])/.test(rest) && !/[\s\\]/.test(page) ? origin : undefined;
}

const operatorsFaults: readonly unknown[] = ["permission", "token", "credential"];

/** If WeCom gives the app no ticket, its operator has to act, not the page. */
function namingSetting(error: unknown, setting: string): unknown {
  if (!(error instanceof WecomApiError) || !operatorsFaults.includes(error.entry?.fault)) return error;
  const { __typename, message, ...more } = toLivingError(error);
  return refused(`${message}. Its operator sees to the app of ${setting}`, codeOf(__typename), { setting, ...more });
}

function refused(message: string, code: string, more: object = {}): GraphQLError {
  return new GraphQLError(message, { extensions: { code, ...more } });
}
