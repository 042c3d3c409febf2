/** The operations that the explorers open with, in the order of a living's life. */
export interface Sample {
  readonly document: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** The result of `createLiving`, for the user to insert into the other operations. */
const livingid = "LIVINGID";

/** The first operation, for explorers that show one. */
export const sample = {
  document: `mutation ScheduleLiving($input: LivingInput!) {
  createLiving(input: $input) {
    ... on CreateLivingSuccess {
      livingid
      living {
        theme
        status
        livingStart
        livingDuration
      }
    }
    ... on LivingError {
      message
      retryable
      errcode
    }
    ... on LivingInputError {
      fields {
        path
        message
      }
    }
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

export const samples: readonly Sample[] = [
  sample,
  {
    document: `query ReadLiving($livingid: ID!) {
  living(livingid: $livingid) {
    theme
    status
    livingStart
    livingDuration
    anchor {
      userid
    }
    openReplay
    replayStatus
  }
}
`,
    variables: { livingid },
  },
  {
    document: `query ListLivings($anchorUserid: ID!, $after: String) {
  livings(anchorUserid: $anchorUserid, first: 10, after: $after) {
    nodes {
      livingid
      theme
      status
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
`,
    variables: { anchorUserid: "zhangsan" },
  },
  {
    document: `mutation RescheduleLiving($livingid: ID!, $input: ModifyLivingInput!) {
  modifyLiving(livingid: $livingid, input: $input) {
    ... on ModifyLivingSuccess {
      living {
        theme
        livingStart
      }
    }
    ... on LivingError {
      message
      errcode
    }
  }
}
`,
    variables: { livingid, input: { theme: "改期", livingStart: "2030-01-02T20:00:00+08:00" } },
  },
  {
    document: `mutation CancelLiving($livingid: ID!) {
  cancelLiving(livingid: $livingid) {
    ... on CancelLivingSuccess {
      living {
        status
      }
    }
    ... on LivingError {
      message
      errcode
    }
  }
}
`,
    variables: { livingid },
  },
  {
    document: `subscription WatchLivings($anchorUserid: ID) {
  livingStatusChanged(anchorUserid: $anchorUserid) {
    livingid
    status
    changedAt
    living {
      theme
    }
  }
}
`,
    variables: { anchorUserid: "zhangsan" },
  },
];
