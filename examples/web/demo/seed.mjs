// Livings to begin with: past ones with viewers and replays, one that is live, and weeks of reserved ones. They are made as
// everything else is, through the gateway; what people did with them is done at the simulated WeCom.
const day = 86_400_000;
const hour = 3_600_000;

const past = [
  { theme: "新员工入职第一课", daysAgo: 6, minutes: 45, viewers: 38, replay: "ready" },
  { theme: "第三季度业绩说明会", daysAgo: 5, minutes: 62, viewers: 118, replay: "ready" },
  { theme: "客服系统升级培训", daysAgo: 3, minutes: 30, viewers: 24, replay: "failed" },
  { theme: "产品路线图问答", daysAgo: 2, minutes: 50, viewers: 57, replay: "ready" },
];
const topics = [
  "周会",
  "新品预热",
  "客户案例分享",
  "安全生产培训",
  "技术沙龙",
  "招聘宣讲会",
  "门店运营复盘",
  "读书分享会",
];
const names = ["林溪", "陈默", "周敏", "吴迪", "何苗", "郑凯", "孙悦", "高远", "许诺", "梁晨"];

/**
 * @param {{ gatewayUrl: string, simulatorUrl: string, sign: (userid: string) => Promise<{ token: string } | undefined> }} at
 */
export async function seed({ gatewayUrl, simulatorUrl, sign }) {
  const { token } = await sign("zhaoliu");
  const query =
    "mutation ($input: LivingInput!) { createLiving(input: $input) { ... on CreateLivingSuccess { livingid } } }";
  const post = async (url, body, headers = {}) =>
    (await fetch(url, { method: "POST", headers, body: JSON.stringify(body) })).json();
  const create = async (theme, startMs, minutes, anchorUserid = "zhangsan") => {
    const input = {
      anchorUserid,
      theme,
      livingStart: Math.floor(startMs / 1000),
      livingDuration: minutes * 60,
      type: "TRAINING",
    };
    const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
    return (await post(gatewayUrl, { query, variables: { input } }, headers)).data.createLiving.livingid;
  };
  const move = (livingid, name, body = {}) => post(`${simulatorUrl}/simulator/living/${livingid}/${name}`, body);
  let skippedMs = 0;
  const skipTo = async (ms) => {
    await post(`${simulatorUrl}/simulator/clock/advance`, { ms: ms - skippedMs });
    skippedMs = ms;
  };

  const now = Date.now();
  for (const { theme, daysAgo, minutes, viewers, replay } of past) {
    await skipTo(-daysAgo * day);
    const livingid = await create(theme, now - daysAgo * day, minutes);
    await move(livingid, "start");
    for (let index = 0; index < viewers; index += 1) await move(livingid, "viewers", viewer(index, minutes));
    await skipTo(-daysAgo * day + minutes * 60_000);
    await move(livingid, "end", { replayStatus: replay });
  }
  await skipTo(0);
  const nextHour = Math.ceil(now / hour) * hour;
  // The newest come first in WeCom's list: so those that start soon are made last.
  for (let index = 23; index >= 0; index -= 1) {
    const anchor = index % 6 === 5 ? "lisi" : "zhangsan";
    await create(topics[index % topics.length], nextHour + (index + 1) * 19 * hour, 30 + (index % 3) * 15, anchor);
  }
  const live = await create("办公自动化直播答疑", now - 5 * 60_000, 90);
  await move(live, "start");
  for (let index = 0; index < 12; index += 1) await move(live, "viewers", viewer(index, 6));
}

/** Spread over the whole length, and the same at each start. */
function viewer(index, minutes) {
  const watchSeconds = Math.round(minutes * 60 * Math.min(1, (6 + ((index * 37) % 101)) / 90));
  const watching = { watchSeconds, hasCommented: index % 3 === 0, hasSpoken: index % 11 === 0 };
  const name = names[index % names.length];
  return index % 4 === 3
    ? { ...watching, externalUserid: `wmGuest${index}`, name, type: index % 8 === 3 ? 1 : 2 }
    : { ...watching, userid: `member${String(index + 1).padStart(3, "0")}` };
}
