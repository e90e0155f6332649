# syntax=docker/dockerfile:1

# The first stage builds a virtual environment from the pins; its build tools do not reach the second stage.
FROM python:3.13-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN python -m venv /venv
# The pins are copied first, alone, so that a change of the code does not reinstall the dependencies.
COPY requirements.txt ./
RUN /venv/bin/python -m pip install --require-hashes -r requirements.txt
COPY . .
RUN /venv/bin/python -m pip install --no-deps . \
 && /venv/bin/python -m pip uninstall --yes pip

FROM python:3.13-slim
# Only /data is writable.
RUN groupadd --system --gid 10001 tidewire \
 && useradd --system --uid 10001 --gid tidewire --home-dir /data --no-create-home --shell /usr/sbin/nologin tidewire \
 && install --directory --owner=tidewire --group=tidewire --mode=0700 /data
COPY --from=build /venv /venv
COPY hypercorn.toml /etc/tidewire/hypercorn.toml
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TIDEWIRE_ENV=production \
    TIDEWIRE_DATA_DIR=/data \
    TIDEWIRE_DATABASE_URL=sqlite+aiosqlite:////data/tidewire.db \
    TIDEWIRE_BIND=0.0.0.0:8000
# `tidewire serve` reads hypercorn.toml from the working directory.
WORKDIR /etc/tidewire
# By number, so that an orchestrator can check that it is not root.
USER 10001:10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
STOPSIGNAL SIGTERM
CMD ["tidewire", "serve"]
