# The gateway as it runs in production: the bundle, the one package that cannot be in it, and a user who may write nothing
# but data/. Node 24 is maintained until April 2028, Debian 13 until August 2028; .ci/run tests on the same Node release.
#
# The release is exact. A digest pins more: build with --build-arg BASE=docker.io/library/node@sha256:…, as `docker buildx
# imagetools inspect docker.io/library/node:24.21.0-trixie-slim` prints it; whoever writes it here has to renew it with
# each of Debian's security updates.
ARG BASE=docker.io/library/node:24.21.0-trixie-slim
FROM ${BASE} AS node
WORKDIR /app

# The secret is optional: an npmrc for those whose npm registry needs one. It stays out of every layer.
FROM node AS build
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=secret,id=npmrc --mount=type=cache,target=/var/cache/npm \
  NPM_CONFIG_USERCONFIG=/run/secrets/npmrc NPM_CONFIG_CACHE=/var/cache/npm npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY scripts scripts
# Not `npm run build`: that also makes the offline explorer's page, 9 MB which production never serves.
RUN npx tsc -p tsconfig.build.json && node scripts/bundle.mjs && node scripts/external-packages.mjs /external

FROM node
ARG VERSION=0.1.0 REVISION=unknown
LABEL org.opencontainers.image.title="wecom-living-gateway" \
  org.opencontainers.image.description="GraphQL gateway for live streaming in WeCom" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.base.name="docker.io/library/node:24.21.0-trixie-slim"
ENV NODE_ENV=production HOST=0.0.0.0 PORT=4000
COPY package.json LICENSE ./
COPY --from=build /external/node_modules node_modules
COPY --from=build /app/dist/main.js /app/dist/THIRD-PARTY-NOTICES.txt dist/
COPY --from=build /app/dist/chunks dist/chunks
COPY scripts/health-check.sh scripts/doctor.js ./
# The only folder that is written to (DATA_DIR): the root file system can be mounted read-only.
RUN install -d -o 1000 -g 1000 data
VOLUME /app/data
# The base image's `node`; a number, because Kubernetes' runAsNonRoot cannot tell from a name.
USER 1000:1000
EXPOSE 4000
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/app/health-check.sh"]
# Node itself, no npm and no shell around it, so that SIGTERM reaches what drains.
# The young generation of Node 20: that of newer releases takes 70 MB more, and no less CPU (docs/performance.md).
CMD ["node", "--max-semi-space-size=16", "--expose-gc", "dist/main.js"]
