FROM python:3.13-slim
WORKDIR /app
COPY pyproject.toml README.md LICENSE ./
COPY src src
COPY apps apps
RUN pip install --no-cache-dir '.[all]' && useradd --create-home shop
USER shop
WORKDIR /home/shop
EXPOSE 8000
ENTRYPOINT ["twofold"]
