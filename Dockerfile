# The worker's image, and every other command's: docker run newsmill --help.

# The builder is not slim: where a dependency has no wheel (arm64), it brings the compiler. The line stage needs Rust's.
FROM python:3.12-trixie AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
RUN apt-get update -q && apt-get install -y -q --no-install-recommends cargo && rm -rf /var/lib/apt/lists/*
RUN python -m venv --without-pip /opt/newsmill
# Dependencies first: this layer is built again only when the pins change.
COPY requirements/runtime.txt requirements/build.txt requirements/
RUN pip --python /opt/newsmill/bin/python install --require-hashes -r requirements/runtime.txt \
 && pip install --require-hashes -r requirements/build.txt
COPY pyproject.toml hatch_build.py README.md LICENSE NOTICE ./
COPY native native
COPY config config
COPY streams streams
RUN pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
 && pip --python /opt/newsmill/bin/python install --no-deps dist/*.whl

FROM python:3.12-slim-trixie
LABEL org.opencontainers.image.title="newsmill" \
      org.opencontainers.image.description="Event-stream news processor: raw releases in, language, clean body and entities out, on Kafka." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="python:3.12-slim-trixie"
# A fixed number, so that Kubernetes (runAsNonRoot) and file shares can name it.
RUN groupadd --gid 10001 newsmill \
 && useradd --uid 10001 --gid newsmill --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin newsmill
COPY --from=builder /opt/newsmill /opt/newsmill
# Nothing is written but sockets of the pool's processes in /tmp: the root file system may be read-only.
ENV PATH=/opt/newsmill/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    NEWSMILL_HTTP__BIND=0.0.0.0 \
    NEWSMILL_LOG__FORMAT=json
USER 10001:10001
EXPOSE 9464
STOPSIGNAL SIGTERM
# No HEALTHCHECK: /readyz is a worker's, and the image also runs commands that end. docker-compose.yml has it.
ENTRYPOINT ["newsmill"]
CMD ["worker"]
