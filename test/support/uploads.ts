import type { Gateway } from "./gateway.js";

/** Of a caller, or of whoever cannot be told from others. */
export function postImage(gateway: Gateway, image: Buffer, userid?: string): ReturnType<Gateway["fetch"]> {
  const caller = userid !== undefined && { "x-wecom-userid": userid };
  // The type of the image itself is what counts.
  const headers = { "content-type": "image/png", ...caller };
  return gateway.fetch("/media?purpose=COVER", { method: "POST", headers, body: new Uint8Array(image) });
}
