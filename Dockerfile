# The gateway as it runs in production: compiled code, production dependencies, a user who may write nothing but data/.
# Node 24 is maintained until April 2028, Debian 13 until August 2028; .ci/run tests on the same Node release.
FROM docker.io/library/node:24-trixie-slim AS node
WORKDIR /app

FROM node AS packages
COPY package.json package-lock.json .npmrc ./

# The secret is optional: an npmrc for those whose npm registry needs one. It stays out of every layer.
FROM packages AS build
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=cache,target=/root/.npm npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY scripts/bundle.mjs scripts/
# Not `npm run build`: that also makes the offline explorer's page, 9 MB which production never serves.
RUN npx tsc -p tsconfig.build.json && rm dist/.tsbuildinfo && node scripts/bundle.mjs

FROM packages AS dependencies
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=cache,target=/root/.npm npm ci --ignore-scripts --omit=dev

FROM node
ENV NODE_ENV=production HOST=0.0.0.0 PORT=4000
COPY package.json ./
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
# The only folder that is written to (DATA_DIR): the root file system can be mounted read-only.
RUN install -d -o 1000 -g 1000 data
VOLUME /app/data
# The base image's `node`; a number, because Kubernetes' runAsNonRoot cannot tell from a name.
USER 1000:1000
EXPOSE 4000
HEALTHCHECK --interval=30s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health/live`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Node itself, no npm and no shell around it, so that SIGTERM reaches what drains.
# The young generation of Node 20: that of newer releases takes 70 MB more, and no less CPU (docs/performance.md).
CMD ["node", "--max-semi-space-size=16", "dist/main.js"]
