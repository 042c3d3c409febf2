/**
 * A WeCom that costs next to nothing: a process of its own, on plain sockets (`node:http` would take half of the core that
 * it shares with the load). It knows the calls that the bench provokes, gives each living an id of its own, records the
 * last call, counts how many are under way, and takes its orders (`{ delayMs, isFailing }`) over the process's channel,
 * answering each with what it has seen.
 */
import { createServer } from "node:net";

const [beforeId, afterId] = answer({ errcode: 0, errmsg: "ok", livingid: "XXXX00000000" }).toString().split("00000000");
let livings = 0;
const suiteToken = answer({ errcode: 0, errmsg: "ok", suite_access_token: "TOKEN", expires_in: 7200 });
const corpToken = answer({ errcode: 0, errmsg: "ok", access_token: "TOKEN", expires_in: 7200 });
const failure = answer({ errcode: 40058, errmsg: "invalid Request Parameter" });
const details = answer({
  errcode: 0,
  errmsg: "ok",
  living_info: {
    theme: "theme",
    living_start: 1586405229,
    living_duration: 1800,
    status: 3,
    reserve_start: 1586405239,
    reserve_living_duration: 1600,
    description: "description",
    anchor_userid: "zhangsan",
    main_department: 1,
    viewer_num: 100,
    comment_num: 110,
    mic_num: 120,
    open_replay: 1,
    replay_status: 2,
    type: 0,
    online_count: 1,
    subscribe_count: 1,
  },
});
/** The anchor of the bench has ten thousand livings; WeCom gives at most a hundred of them at a time. */
const livingsOfAnchor = 10_000;
const mostPerPage = 100;

const orders = { delayMs: 0, isFailing: false };
const seen = { last: "", requests: 0, inFlight: 0, mostInFlight: 0 };

function answer(body) {
  const text = JSON.stringify(body);
  const head = "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\nConnection: keep-alive\r\n";
  return Buffer.from(`${head}Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
}

function page(body) {
  const { userid, cursor = "0", limit = mostPerPage } = JSON.parse(body);
  const from = Number(cursor || 0);
  const to = Math.min(livingsOfAnchor, from + Math.min(limit, mostPerPage));
  return answer({
    errcode: 0,
    errmsg: "ok",
    next_cursor: to < livingsOfAnchor ? String(to) : "",
    livingid_list: Array.from({ length: to - from }, (_, index) => `${userid}-${from + index}`),
  });
}

function answerTo(request) {
  if (orders.isFailing) return failure;
  const path = /^\w+ ([^? ]*)/.exec(request)[1];
  if (path.endsWith("living/create")) return beforeId + String((livings += 1)).padStart(8, "0") + afterId;
  if (path.endsWith("living/get_living_info")) return details;
  if (path.endsWith("living/get_user_all_livingid")) return page(request.slice(request.indexOf("\r\n\r\n") + 4));
  if (path.endsWith("service/get_suite_token")) return suiteToken;
  if (path.endsWith("service/get_corp_token")) return corpToken;
  return failure;
}

/** @returns how many characters the first request of `text` takes; 0 while it is incomplete */
function lengthOfRequest(text) {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd < 0) return 0;
  const head = text.slice(0, headEnd + 2);
  const length = /\r\ncontent-length: *(\d+)\r\n/i.exec(head);
  if (length) return headEnd + 4 + Number(length[1]);
  if (!/\r\ntransfer-encoding: *chunked\r\n/i.test(head)) return headEnd + 4;
  const end = text.indexOf("\r\n0\r\n\r\n", headEnd);
  return end < 0 ? 0 : end + 7;
}

const server = createServer({ noDelay: true }, (socket) => {
  let buffered = "";
  socket.setEncoding("latin1");
  socket.on("error", () => socket.destroy());
  socket.on("data", (text) => {
    buffered += text;
    for (let length; (length = lengthOfRequest(buffered)) > 0 && length <= buffered.length;) {
      const request = buffered.slice(0, length);
      buffered = buffered.slice(length);
      seen.last = request;
      seen.requests += 1;
      seen.inFlight += 1;
      seen.mostInFlight = Math.max(seen.mostInFlight, seen.inFlight);
      const reply = () => {
        seen.inFlight -= 1;
        socket.write(answerTo(request));
      };
      if (orders.delayMs > 0) setTimeout(reply, orders.delayMs);
      else reply();
    }
  });
});

process.on("message", (order) => {
  Object.assign(orders, order);
  process.send({ ...seen, last: Buffer.from(seen.last, "latin1").toString() });
  Object.assign(seen, { last: "", requests: 0, mostInFlight: seen.inFlight });
});
process.on("disconnect", () => process.exit());
server.listen(0, "127.0.0.1", () => process.send({ port: server.address().port }));
