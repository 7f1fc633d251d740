import { t } from "./i18n/index";
import type { Imported } from "./types";

/** An answer of the node that is an error: a sentence, and what to do next. */
export class ApiError extends Error {
  constructor(readonly code: string, message: string, readonly next: string, readonly status: number) { super(message); }
}

/** Any thrown value as an ApiError, so that screens show one shape. */
export function asApiError(e: unknown): ApiError {
  if (e instanceof ApiError) return e;
  return new ApiError("unreachable", t("error.unreachable"), t("error.unreachable.next"), 0);
}

function fromBody(status: number, body: string): ApiError {
  try {
    const e = JSON.parse(body).error;
    if (e?.message) return new ApiError(e.code ?? "", e.message, e.next ?? "", status);
  } catch { /* not JSON: the sentence below says as much as we know */ }
  return new ApiError("http-" + status, t("error.answer", { status }), t("error.answer.next"), status);
}

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const init: RequestInit = { method, credentials: "same-origin", headers: { Accept: "application/json" } };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { ...init.headers, "Content-Type": "application/json" };
  }
  const answer = await fetch("/api/" + path, init);
  const text = await answer.text();
  if (!answer.ok) throw fromBody(answer.status, text);
  return (text ? JSON.parse(text) : undefined) as T;
}

export const get = <T>(path: string) => call<T>("GET", path);
export const post = <T>(path: string, body: unknown = {}) => call<T>("POST", path, body);
export const put = <T>(path: string) => call<T>("PUT", path, {});
export const del = <T>(path: string) => call<T>("DELETE", path);

export interface Upload { done: Promise<Imported>; abort: () => void }

/** Sends a file's bytes to the node, which removes metadata before it names them. progress gets 0..1. */
export function importFile(file: Blob, name: string, progress: (part: number) => void): Upload {
  const x = new XMLHttpRequest(); // fetch tells nothing about what has been sent
  const done = new Promise<Imported>((resolve, reject) => {
    x.upload.onprogress = (e) => e.lengthComputable && progress(e.loaded / e.total);
    x.onerror = x.onabort = () => reject(asApiError(null));
    x.onload = () => {
      if (x.status >= 400) reject(fromBody(x.status, x.responseText));
      else resolve(JSON.parse(x.responseText) as Imported);
    };
    x.open("POST", "/api/import?name=" + encodeURIComponent(name));
    x.setRequestHeader("Content-Type", file.type || "application/octet-stream");
    x.send(file);
  });
  return { done, abort: () => x.abort() };
}
