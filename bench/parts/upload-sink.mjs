/** A WeCom that takes whatever is uploaded, and reads nothing of it. */
import { createServer } from "node:http";

const answer = JSON.stringify({
  ...{ errcode: 0, errmsg: "ok", type: "image", media_id: "MEDIA", created_at: "1700000000" },
  // What tells the bench that a server is up.
  livingid: "XXXX00000000",
});
const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(answer) };

const server = createServer((request, response) => {
  request.resume();
  request.on("end", () => response.writeHead(200, headers).end(answer));
});
process.on("disconnect", () => process.exit());
server.listen(0, "127.0.0.1", () => process.send({ port: server.address().port }));
