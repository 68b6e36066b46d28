FROM python:3.13-slim
WORKDIR /app
COPY . .
RUN pip install --no-cache-dir . \
    && useradd --create-home icustomer \
    && install -d -o icustomer /company
USER icustomer
VOLUME /company
EXPOSE 8000
ENTRYPOINT ["icustomer"]
CMD ["demo", "--dir", "/company/northlake"]
