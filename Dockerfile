# The images of histoapp, by target:
#   web      the portal and the API
#   worker   the worker; also the dispatcher, migrations and every manage.py command
#   serving  the embedded model server; also exports the bundled model
#
#   docker build --target web --tag histoapp-web:0.1.0 .

ARG PYTHON=docker.io/library/python:3.11-slim

# --- Building: nothing of these stages is kept but what is copied from them ---

FROM ${PYTHON} AS venv
ENV PYTHONDONTWRITEBYTECODE=1 \
    INSTALL="python -m pip --python /opt/venv/bin/python install --quiet --no-cache-dir \
--no-deps --require-hashes --only-binary=:all: --root-user-action=ignore -r"
WORKDIR /app
# The base image's own pip installs into it: an image needs none in its venv.
RUN python -m venv --without-pip /opt/venv
COPY requirements requirements

FROM venv AS frontend
RUN ${INSTALL} requirements/frontend.txt
COPY package.json package-lock.json .npmrc ./
RUN /opt/venv/bin/npm ci --silent --omit=dev

FROM venv AS web-packages
RUN ${INSTALL} requirements/web.txt

FROM venv AS worker-packages
RUN ${INSTALL} requirements/worker.txt

FROM venv AS serving-packages
RUN ${INSTALL} requirements/serving.txt

# The worker speaks TensorFlow's messages and never runs it: 1 MB instead of 1 GB.
FROM serving-packages AS messages
WORKDIR /opt/venv/lib/python3.11/site-packages
RUN mkdir /messages \
 && find tensorflow -name '*_pb2.py' -print0 | tar --null -T - -c | tar -C /messages -x

FROM venv AS sources
COPY manage.py ./
COPY histoapp histoapp
COPY predictions predictions
COPY worker worker
# The settings name this folder; its files are collected below.
RUN mkdir -p node_modules/openseadragon/build \
 && python -m compileall -q --invalidation-mode unchecked-hash . \
 && rm -r requirements

FROM web-packages AS static
COPY --from=sources /app ./
COPY --from=frontend /app/node_modules node_modules
# The settings demand these; here nobody listens.
RUN SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(50))')" \
    ALLOWED_HOSTS=nobody DATABASE_URL=postgresql:///nobody REDIS_URL=redis://nobody \
    SERVING_ADDRESS=nobody:1 STORAGE_ROOT=/nowhere STATIC_ROOT=/srv/static \
    /opt/venv/bin/python manage.py collectstatic --no-input --verbosity 0

# --- Running ------------------------------------------------------------------

FROM ${PYTHON} AS running
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
# A number, so that Kubernetes can tell that it is not root. The folders are mounted
# over; a new named volume takes their owner.
RUN groupadd --gid 10001 histoapp \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent \
    --shell /usr/sbin/nologin histoapp \
 && install -d -o 10001 -g 10001 /srv/files /srv/models
WORKDIR /app
USER 10001:10001
ARG COMMIT=unknown
LABEL org.opencontainers.image.title=histoapp \
      org.opencontainers.image.version=0.1.0 \
      org.opencontainers.image.revision=${COMMIT}

FROM running AS django
ENV DJANGO_SETTINGS_MODULE=histoapp.settings \
    STORAGE_ROOT=/srv/files \
    STATIC_ROOT=/srv/static

FROM django AS web
COPY --from=web-packages /opt/venv /opt/venv
COPY --from=static /srv/static /srv/static
COPY --from=sources /app ./
ENV BIND=0.0.0.0:8000
EXPOSE 8000
# ALLOWED_HOSTS has to name localhost, for this and for the probes of Kubernetes.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; \
urlopen('http://localhost:8000/health/ready', timeout=4)"]
CMD ["python", "-m", "gunicorn", "-c", "python:histoapp.gunicorn"]

FROM django AS worker
COPY --from=worker-packages /opt/venv /opt/venv
COPY --from=messages /messages /opt/venv/lib/python3.11/site-packages
COPY --from=sources /app ./
COPY serving serving
HEALTHCHECK --interval=20s --timeout=10s --start-period=30s --retries=3 \
    CMD ["sh", "worker/alive.sh"]
# Two at once a container: WORKER_SLOTS is twice the number of containers.
CMD ["python", "-m", "celery", "-A", "worker.app:app", "worker", \
     "--concurrency", "2", "--prefetch-multiplier", "1", \
     "--max-tasks-per-child", "200", "-Q", "analyses", \
     "--without-gossip", "--without-mingle", "--loglevel", "WARNING"]

FROM running AS serving
COPY --from=serving-packages /opt/venv /opt/venv
COPY serving serving
COPY training training
ENV TF_CPP_MIN_LOG_LEVEL=2
EXPOSE 8500 8501
# The ports open once the model can be asked.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; \
urlopen('http://localhost:8501/v1/models/breast-mil', timeout=4)"]
CMD ["python", "-m", "serving.server", "--listen_address=0.0.0.0", \
     "--port=8500", "--rest_api_port=8501", "--model_name=breast-mil", \
     "--model_base_path=/srv/models/breast-mil"]
