import { Arg, Ctx, ID, Resolver, Root, Subscription } from "type-graphql";
import type { LivingStatusChange as WireStatusChange } from "../wecom/callback/events.js";
import type { RequestContext } from "../request-context.js";
import { requireScope } from "./living.access.js";
import { NeedsScope } from "./living.directives.js";
import { requireId } from "./living.ids.js";
import { toStatusChange } from "./living.mapping.js";
import { LivingStatusChange } from "./living.status-change.js";

interface StatusChangeArguments {
  readonly livingid?: string | null;
  readonly anchorUserid?: string | null;
}

/** The caller is authorized when the subscription begins. The subscription ends when their token expires. */
function subscribeToStatusChanges({ livingid, anchorUserid }: StatusChangeArguments, context: RequestContext) {
  const { caller, call, statusChanges } = context;
  requireScope(caller, "living:read");
  return statusChanges.subscribe({
    corp: call.corp,
    livingid: optionalId("livingid", livingid),
    userid: optionalId("anchorUserid", anchorUserid),
  });
}

function optionalId(name: string, id: string | null | undefined): string | undefined {
  return id === undefined || id === null ? undefined : requireId(name, id);
}

@Resolver()
export class LivingSubscriptions {
  @NeedsScope("living:read")
  @Subscription(() => LivingStatusChange, {
    description:
      "Status changes of this corp's livings, from now on. WeCom only reports livings that were created through an API or its JS-SDK.",
    subscribe: ({ args, context }) =>
      subscribeToStatusChanges(args as StatusChangeArguments, context as RequestContext),
  })
  livingStatusChanged(
    @Arg("livingid", () => ID, { nullable: true, description: "Only this living." })
    _livingid: string | null | undefined,
    @Arg("anchorUserid", () => ID, { nullable: true, description: "Only the livings that this member hosts." })
    _anchorUserid: string | null | undefined,
    @Root() event: WireStatusChange,
    @Ctx() { reader }: RequestContext,
  ): LivingStatusChange {
    return toStatusChange(event, reader.onUnknownCode);
  }
}
