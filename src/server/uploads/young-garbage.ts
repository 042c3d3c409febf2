/**
 * Runs a young-generation garbage collection every 4 MB of a stream. V8 counts external buffers as old memory, and
 * would mark the whole heap twice during an upload of 10 MB, although each chunk is garbage once sent: a third of the
 * upload's cost. It needs the flag --expose-gc, with which the image and `npm start` run Node; without it uploads are
 * slower.
 */
const everyBytes = 4 * 1024 * 1024;
let streamedBytes = 0;

export function countStreamed(bytes: number): void {
  streamedBytes += bytes;
  if (streamedBytes < everyBytes) return;
  streamedBytes = 0;
  globalThis.gc?.({ type: "minor" });
}
