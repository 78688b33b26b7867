# `service` (the last stage, so the default) runs the API, or a worker with the built-in engine. `gpu` adds what a
# Mapperatorinator checkout needs; the checkout and the weights are mounted, not copied.

FROM node:20-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json vite.config.ts ./
COPY scripts ./scripts
COPY src ./src
RUN npm run build && npm prune --omit=dev

# What scripts/setup-mapperatorinator.sh installs. The wheels of torch bring CUDA along; TORCH_INDEX names another CUDA than 12.8.
FROM python:3.11-slim-bookworm AS python-packages
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends git \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /app/scripts/mapperatorinator-requirements.txt /tmp/requirements.txt
ARG TORCH_INDEX=https://download.pytorch.org/whl/cu128
# wandb is imported and never used to make maps: an empty module does.
# hadolint ignore=SC2046
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --index-url "$TORCH_INDEX" $(grep -E '^(torch|torchaudio)==' /tmp/requirements.txt) \
 && /venv/bin/pip install --no-cache-dir -r /tmp/requirements.txt \
 && touch "$(/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/wandb.py"

FROM python:3.11-slim-bookworm AS gpu
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends ffmpeg tini \
 && rm -rf /var/lib/apt/lists/*
# The same user number as in `service`, so that both can write the data folder.
RUN useradd --uid 1000 --create-home --non-unique node \
 && install -d -o 1000 -g 1000 /data /weights
COPY --from=python-packages /venv /venv
COPY --from=build /usr/local/bin/node /usr/local/bin/node
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
# The container toolkit gives a container the GPUs and the parts of the driver that are named here.
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility PATH=/venv/bin:$PATH \
    NODE_ENV=production DATA_DIR=/data ENGINE=mapperatorinator MAPPERATORINATOR_HOME=/mapperatorinator \
    PYTHON=/venv/bin/python HF_HOME=/weights
USER 1000:1000
VOLUME /data
ENTRYPOINT ["tini", "--"]
CMD ["node", "dist/worker/main.js"]

FROM node:20-slim AS service
# ffmpeg reads .m4a; the other formats need nothing.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends ffmpeg tini \
 && rm -rf /var/lib/apt/lists/* \
 && install -d -o node -g node /data
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
ENV NODE_ENV=production HOST=0.0.0.0 DATA_DIR=/data
USER 1000:1000
VOLUME /data
EXPOSE 8000
ENTRYPOINT ["tini", "--"]
CMD ["node", "dist/api/main.js"]
