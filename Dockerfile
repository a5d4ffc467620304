# One image for every process of Headrace; docker-compose.yml says which command each container runs.
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PYTHONPATH=/app/sdk/src

RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /app headrace

WORKDIR /app

# Before the code: a changed line of ours must not install sixty packages again.
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock

COPY . .
# As root, once: the container's user may not write here, and every start would compile everything again.
RUN python -m compileall -q .

USER headrace
EXPOSE 8000
CMD ["uvicorn", "main:app", "--host", "0.0.0.0", "--port", "8000", "--timeout-graceful-shutdown", "3"]
