# syntax=docker/dockerfile:1
# One image for every process of Event Hub: `docker run … eventhub web`, or worker, clock, migrate, createadmin.
#
#   docker build --tag eventhub --build-arg COMMIT=$(git rev-parse HEAD) .
#
# It contains no setting but where data is: DATABASE_URL, REDIS_URL and EVENTHUB_SECRET_KEY come from outside.

ARG PYTHON=3.13

FROM python:${PYTHON}-slim-bookworm AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY migrations migrations
COPY eventhub eventhub
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /dist .

FROM python:${PYTHON}-slim-bookworm
# Extras of pyproject.toml: files in a bucket, traces, errors to Sentry
ARG EXTRAS=s3,otel,sentry
# Letters for names in a hundred scripts, on PDFs (130 MB); --build-arg FONTS= leaves them out
ARG FONTS="fonts-noto-core fonts-noto-cjk"
RUN if [ -n "$FONTS" ]; then \
      apt-get update && apt-get install --yes --no-install-recommends $FONTS && rm -rf /var/lib/apt/lists/*; \
    fi
# A fixed uid, so that a volume's owner can be named from outside
RUN groupadd --gid 10001 eventhub \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/eventhub --shell /usr/sbin/nologin eventhub \
    && install --directory --owner=10001 --group=10001 --mode=0750 /var/lib/eventhub
RUN --mount=type=bind,from=build,source=/dist,target=/dist \
    --mount=type=bind,source=constraints.txt,target=/constraints.txt \
    pip install --no-cache-dir --constraint /constraints.txt "$(echo /dist/eventhub-*.whl)${EXTRAS:+[$EXTRAS]}"

ARG COMMIT=
LABEL org.opencontainers.image.title="Event Hub" \
      org.opencontainers.image.description="A REST backend for events: bookings that never oversell, on durable jobs." \
      org.opencontainers.image.licenses="MIT AND Apache-2.0" \
      org.opencontainers.image.revision="${COMMIT}"
ENV EVENTHUB_COMMIT="${COMMIT}" \
    EVENTHUB_DATA_DIR=/var/lib/eventhub \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /var/lib/eventhub
VOLUME /var/lib/eventhub
EXPOSE 8000
STOPSIGNAL SIGTERM
# No HEALTHCHECK: only `web` listens on a port. compose.yaml and the Kubernetes manifests have it where it is right.
ENTRYPOINT ["eventhub"]
