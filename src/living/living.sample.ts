/** The operation that both explorers open with. */
export const sample = {
  document: `mutation ScheduleLiving($input: LivingInput!) {
  createLiving(input: $input) {
    ... on CreateLivingSuccess {
      livingid
      living { theme status livingStart livingDuration }
    }
    ... on LivingError { message retryable errcode }
    ... on LivingInputError { fields { path message } }
  }
}
`,
  variables: {
    input: {
      anchorUserid: "zhangsan",
      theme: "新品发布会",
      livingStart: "2030-01-01T20:00:00+08:00",
      livingDuration: 3600,
      type: "EVENT",
      activityDetail: { description: "看看我们的新产品" },
    },
  },
};
