/** From the form's fields to the gateway's input, and from the gateway's paths back to the fields. */
import type { LivingInput, LivingType } from "wecom-living-client";
import type { Words } from "./words.js";

const fieldOfPath = {
  anchorUserid: "anchorUserid",
  theme: "theme",
  livingStart: "livingStart",
  livingDuration: "livingDuration",
  type: "type",
  remindTime: "remindTime",
  description: "description",
  "activityDetail.description": "description",
  activityCoverMediaid: "cover",
} as const;

type FieldName = (typeof fieldOfPath)[keyof typeof fieldOfPath] | "form";
export type FormErrors = Partial<Record<FieldName, string | undefined>>;

/** A path without a field is said above the form. */
export const fieldOf = (path: string): FieldName =>
  (fieldOfPath as Readonly<Record<string, FieldName>>)[path] ?? "form";

/** No input while something is missing that the gateway's types demand. All other rules are the gateway's. */
export function readForm(form: FormData, words: Words): { input?: LivingInput; errors: FormErrors } {
  const text = (name: string): string => {
    const value = form.get(name);
    return typeof value === "string" ? value : "";
  };
  const startMs = Date.parse(text("livingStart"));
  const minutes = text("livingDuration") === "" ? NaN : Number(text("livingDuration"));
  const errors = {
    ...(Number.isNaN(startMs) && { livingStart: words.startMissing }),
    ...(Number.isNaN(minutes) && { livingDuration: words.durationMissing }),
  };
  if (Object.keys(errors).length > 0) return { errors };
  const type = text("type") as LivingType;
  const description = text("description");
  const remindTime = Number(text("remindTime"));
  const input: LivingInput = {
    anchorUserid: text("anchorUserid"),
    theme: text("theme"),
    livingStart: Math.floor(startMs / 1000),
    livingDuration: Math.round(minutes * 60),
    type,
    ...(remindTime > 0 && { remindTime }),
    // WeCom shows an event's description on its detail page.
    ...(description !== "" && (type === "EVENT" ? { activityDetail: { description } } : { description })),
  };
  return { input, errors };
}

/** The next full hour, as `datetime-local` writes it. */
export function firstStart(): string {
  const hour = 3_600_000;
  const start = new Date(Math.ceil((Date.now() + 1) / hour) * hour);
  return new Date(start.getTime() - start.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
