# `service` (the last stage, so the default) runs the API, or a worker with the built-in engine. `gpu` adds what a
# Mapperatorinator checkout needs; the checkout and the weights are mounted, not copied.

FROM node:20-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY scripts ./scripts
COPY src ./src
RUN npm run build && npm prune --omit=dev

FROM pytorch/pytorch:2.6.0-cuda12.4-cudnn9-runtime AS gpu
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends ffmpeg git tini \
 && rm -rf /var/lib/apt/lists/*
# The packages that inference imports; torch and torchaudio come with the base image. slider is the fork it needs.
# hadolint ignore=DL3013
RUN pip install --no-cache-dir \
      'transformers==4.57.6' 'huggingface-hub<1' 'accelerate>=1.12,<2' 'hydra-core==1.3.2' 'omegaconf>=2.3,<2.4' \
      'numpy<3' scipy 'pandas<3' tqdm einops safetensors packaging pydub nnAudio wandb \
      'slider @ git+https://github.com/OliBomby/slider.git@gedagedigedagedaoh'
COPY --from=build /usr/local/bin/node /usr/local/bin/node
# The same user number as in `service`, so that both can write the data folder.
RUN useradd --uid 1000 --create-home --non-unique node \
 && install -d -o 1000 -g 1000 /data /home/node/.cache/huggingface
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
ENV NODE_ENV=production DATA_DIR=/data ENGINE=mapperatorinator MAPPERATORINATOR_HOME=/mapperatorinator
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
