/** `POST /media`. XMLHttpRequest, because `fetch` does not say how much of a body is sent. */
import type { violationMessage } from "wecom-living-client";

export type Violation = Parameters<typeof violationMessage>[0];

export type Uploaded = { readonly mediaid: string } | { readonly violation: Violation } | { readonly failed: true };

export interface UploadOptions {
  readonly token: string;
  readonly signal: AbortSignal;
  /** 0 to 1. */
  readonly onProgress: (sent: number) => void;
}

export function uploadCover(file: File, { token, signal, onProgress }: UploadOptions): Promise<Uploaded> {
  const request = new XMLHttpRequest();
  request.open("POST", "/media?purpose=COVER");
  request.setRequestHeader("authorization", `Bearer ${token}`);
  request.setRequestHeader("content-type", file.type.startsWith("image/") ? file.type : "application/octet-stream");
  request.upload.onprogress = ({ loaded, total }) => onProgress(loaded / total);
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.onload = () => resolve(read(request.responseText));
    request.onerror = request.onabort = () => resolve({ failed: true });
    request.send(file);
  });
}

interface MediaAnswer {
  readonly mediaid?: string;
  readonly errors?: readonly { readonly extensions?: { readonly fields?: readonly Violation[] } }[];
}

function read(text: string): Uploaded {
  try {
    const { mediaid, errors } = JSON.parse(text) as MediaAnswer;
    if (mediaid !== undefined) return { mediaid };
    const violation = errors?.[0]?.extensions?.fields?.[0];
    if (violation) return { violation };
  } catch {
    // A proxy may answer with a page of its own.
  }
  return { failed: true };
}
