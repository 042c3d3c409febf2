import { Arg, Ctx, ID, Resolver, Root, Subscription } from "type-graphql";
import type { LivingStatusChange as WireStatusChange } from "../wecom/callback/events.js";
import type { LivingContext } from "./context.js";
import { requireScope } from "./living.access.js";
import { NeedsScope } from "./living.directives.js";
import { toStatusChange } from "./living.mapping.js";
import { LivingStatusChange } from "./living.status-change.js";

interface StatusChangeArguments {
  readonly livingid?: string | null;
  readonly anchorUserid?: string | null;
}

/** Who is asking is checked once, when the subscription begins; it ends with their token. */
function subscribeToStatusChanges({ livingid, anchorUserid }: StatusChangeArguments, context: LivingContext) {
  const { caller, call, statusChanges } = context;
  requireScope(caller, "living:read");
  return statusChanges.subscribe({
    corp: call.corp,
    livingid: livingid ?? undefined,
    userid: anchorUserid ?? undefined,
  });
}

@Resolver()
export class LivingSubscriptions {
  @NeedsScope("living:read")
  @Subscription(() => LivingStatusChange, {
    description:
      "Livings of this corp as their status changes, from now on. Only livings that were made through an API or WeCom's JS-SDK are told of.",
    subscribe: ({ args, context }) => subscribeToStatusChanges(args as StatusChangeArguments, context as LivingContext),
  })
  livingStatusChanged(
    @Arg("livingid", () => ID, { nullable: true, description: "Only this living." })
    _livingid: string | null | undefined,
    @Arg("anchorUserid", () => ID, { nullable: true, description: "Only the livings that this member hosts." })
    _anchorUserid: string | null | undefined,
    @Root() event: WireStatusChange,
    @Ctx() { reader }: LivingContext,
  ): LivingStatusChange {
    return toStatusChange(event, reader.onUnknownCode);
  }
}
