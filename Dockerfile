# The package with its locked dependencies, in two steps: what builds it does not stay.
FROM python:3.13.7-slim-bookworm AS build
RUN pip install --no-cache-dir uv==0.8.17
ENV UV_PROJECT_ENVIRONMENT=/opt/icustomer UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy
WORKDIR /source
COPY . .
RUN uv sync --frozen --no-dev --no-editable --extra fast --extra kafka --extra postgres

FROM python:3.13.7-slim-bookworm
COPY --from=build /opt/icustomer /opt/icustomer
ENV PATH=/opt/icustomer/bin:$PATH PYTHONUNBUFFERED=1
# Volumes that are empty take the owner of what they cover.
RUN useradd --uid 10001 --create-home icustomer \
    && install -d -o icustomer /company /company/data /company/data/outbox
USER icustomer
WORKDIR /company
EXPOSE 8000
ENTRYPOINT ["icustomer"]
CMD ["serve", "--dir", "/company"]
