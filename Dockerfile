# mail2campaign in a container: docker build -t mail2campaign . ; see README, "Operating"
FROM python:3.13-slim AS build
WORKDIR /build
RUN python -m venv /opt/uv && python -m venv --without-pip /opt/mail2campaign
COPY requirements-build.lock requirements.lock ./
RUN /opt/uv/bin/pip install --quiet --no-cache-dir --require-hashes -r requirements-build.lock \
 && /opt/uv/bin/uv pip sync --quiet --no-cache -p /opt/mail2campaign/bin/python --require-hashes requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY config config
COPY parsers parsers
COPY store store
COPY mail mail
COPY mta mta
COPY gateway gateway
# hatchling stands in the first environment only: what runs holds no build tools
RUN /opt/uv/bin/uv build --quiet --no-build-isolation --wheel -p /opt/uv/bin/python -o dist . \
 && /opt/uv/bin/uv pip install --quiet --no-cache --no-deps -p /opt/mail2campaign/bin/python dist/*.whl

FROM python:3.13-slim
RUN useradd --uid 10001 --home-dir /srv/mail2campaign --create-home --shell /usr/sbin/nologin mail2campaign
COPY --from=build /opt/mail2campaign /opt/mail2campaign
ENV PATH=/opt/mail2campaign/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MAIL2CAMPAIGN_CONFIG=/srv/mail2campaign/mail2campaign.toml \
    MAIL2CAMPAIGN_WEB__LISTEN=0.0.0.0:8080
USER 10001
WORKDIR /srv/mail2campaign
# settings, keys, database and spool: docker run … init --dir /srv/mail2campaign --domain D, then serve
VOLUME /srv/mail2campaign
EXPOSE 25 465 587 8080 8443
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["python", "-c", \
  "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8080, timeout=4); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["mail2campaign"]
CMD ["serve"]
