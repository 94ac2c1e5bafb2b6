# The service of mien: docker build -t mien . && docker run --rm --read-only --tmpfs /tmp --stop-timeout 30 -e MIEN_TOKEN -p 127.0.0.1:8000:8000 mien
# See docs/guides/deploy.md.
FROM python:3.11-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE constraints.txt ./
COPY src ./src
RUN python -m venv /opt/mien && /opt/mien/bin/pip install --no-cache-dir '.[serve]' -c constraints.txt

FROM python:3.11-slim
COPY --from=build /opt/mien /opt/mien
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin mien
USER 10001
WORKDIR /tmp
# Inside the container it listens on every address, and so refuses to start without MIEN_TOKEN.
ENV PATH=/opt/mien/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MIEN_HOST=0.0.0.0 MIEN_PORT=8000
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"MIEN_PORT\"]}/health', timeout=5)"]
CMD ["mien", "serve"]
