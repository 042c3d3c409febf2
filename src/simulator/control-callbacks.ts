// The control routes that trigger callbacks: messages, and what administrators do with suites.

import type { ControlRoutes } from "./control-call.js";
import { readEndpoint, readMessage } from "./control-reading.js";

export const callbackRoutes: ControlRoutes = {
  "GET /simulator/callbacks/deliveries": async ({ world }) => {
    await world.callbacks.idle();
    return world.callbacks.deliveries();
  },
  "POST /simulator/callbacks/subscribe": ({ world, fields }) =>
    world.directory.subscribe(fields.text("corpid"), fields.integer("agentid"), readEndpoint(fields)),
  "POST /simulator/callbacks/send": async ({ world, fields }) => {
    const target = { ...readEndpoint(fields), receiveid: fields.text("receiveid") };
    return world.callbacks.send({ ...target, message: readMessage(fields) });
  },
  "POST /simulator/callbacks/verify": async ({ world, fields }) =>
    world.callbacks.verifyUrl({ ...readEndpoint(fields), receiveid: fields.text("receiveid") }),
  "POST /simulator/suite/:id/ticket": ({ world, id }) => ({ suiteTicket: world.suites.pushTicket(id) }),
  "POST /simulator/suite/:id/authorise": ({ world, id, fields }) => ({
    authCode: world.suites.authorise(id, fields.text("corpid"), {
      state: fields.optionalText("state") ?? "",
      isPushed: fields.optionalBoolean("isPushed") ?? true,
    }),
  }),
  "POST /simulator/suite/:id/change": ({ world, id, fields }) =>
    world.suites.changeAuthorisation(id, fields.text("corpid")),
  "POST /simulator/suite/:id/cancel": ({ world, id, fields }) =>
    world.suites.cancelAuthorisation(id, fields.text("corpid")),
  "POST /simulator/suite/:id/reset-permanent-code": ({ world, id, fields }) => ({
    authCode: world.suites.resetPermanentCode(id, fields.text("corpid")),
  }),
};
