# Recognizes recordings, or trains, in a container; nobody has built it yet.
#
#   docker build -t sernet .
#   docker run --rm -v "$PWD:/data" sernet predict /data/recording.wav
#   docker run --rm -v "$PWD:/data" sernet train --config=quickstart --workdir=/data/run
FROM python:3.12-slim
WORKDIR /sernet
COPY . .
RUN pip install --no-cache-dir '.[onnx,media]'
ENTRYPOINT ["sernet"]
