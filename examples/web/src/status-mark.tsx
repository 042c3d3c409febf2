import type { LivingStatus } from "wecom-living-client";
import { useSpeech } from "./language.js";

export function StatusMark({ status }: { readonly status: LivingStatus | null }) {
  const { words } = useSpeech();
  const text = status === "LIVE" ? words.nowLive : status === null ? words.unknownStatus : words.status[status];
  return <span className={`status ${(status ?? "unknown").toLowerCase()}`}>{text}</span>;
}
