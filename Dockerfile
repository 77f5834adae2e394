# An image with the command `sync-engine`; the project is mounted at /project, or copied there by an image made from this one.
#   docker build --tag sync-engine .
#   docker run --rm --env-file secrets.env --volume "$PWD:/project" sync-engine plan
#   docker run --env-file secrets.env --publish 127.0.0.1:8080:8080 sync-engine serve --git https://… --listen 0.0.0.0:8080
FROM python:3.12-slim AS build
WORKDIR /source
COPY pyproject.toml constraints.txt README.md ./
COPY engine engine
COPY schemas schemas
COPY plugins plugins
RUN python -m venv /opt/sync-engine \
    && /opt/sync-engine/bin/pip install --no-cache-dir --constraint constraints.txt '.[postgres]'

FROM python:3.12-slim
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="sync-engine" \
      org.opencontainers.image.description="Moves products from a PIM into a CRM, as catalogs in git say" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# git and ssh are for `serve`, which follows a repository; their versions are those of the base image's distribution.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git openssh-client \
    && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 10001 sync-engine \
    && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin sync-engine \
    && install --directory --owner 10001 --group 10001 /project /project/.sync-engine
COPY --from=build /opt/sync-engine /opt/sync-engine
ENV PATH="/opt/sync-engine/bin:${PATH}" \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    NO_COLOR=1
WORKDIR /project
USER 10001:10001
# Commands end by themselves and say by their exit code how; what can be seen from outside is that one can still be started.
# Whoever runs `serve` asks it instead: see deploy/compose and deploy/kubernetes/serve.
HEALTHCHECK --interval=60s --timeout=10s CMD ["sync-engine", "--version"]
ENTRYPOINT ["sync-engine"]
CMD ["--help"]
