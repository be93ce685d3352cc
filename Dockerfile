# The server and the client on Debian 12, for CPUs; for NVIDIA GPUs as well; and
# the way in from a network that is not trusted (docs/edge.md).
#
#   docker build -t peregrine .
#   docker run --rm -p 50051:50051 -p 127.0.0.1:9090:9090 peregrine
#
#   docker build -t peregrine:cuda --target cuda .
#   docker run --rm --gpus all -p 50051:50051 -p 127.0.0.1:9090:9090 peregrine:cuda
#
#   docker build -t peregrine-edge --target edge .
#
# Nothing is fetched but Debian packages, and Envoy for the last. For the same bits at any time, name the
# base image by its digest and a day of snapshot.debian.org:
#
#   docker build --build-arg DEBIAN=debian:bookworm-slim@sha256:... \
#                --build-arg SNAPSHOT=20250601T000000Z .
ARG DEBIAN=debian:bookworm-slim
ARG ENVOY=envoyproxy/envoy:v1.40.0

FROM ${DEBIAN} AS base
ARG SNAPSHOT=
RUN if [ -n "$SNAPSHOT" ]; then \
      rm -f /etc/apt/sources.list.d/debian.sources; \
      archive=http://snapshot.debian.org/archive; \
      printf 'deb [check-valid-until=no] %s %s main\n' \
        "$archive/debian/$SNAPSHOT" bookworm \
        "$archive/debian/$SNAPSHOT" bookworm-updates \
        "$archive/debian-security/$SNAPSHOT" bookworm-security \
        > /etc/apt/sources.list; \
    fi

FROM base AS source
WORKDIR /src
COPY scripts/install-deps scripts/
RUN scripts/install-deps --build
COPY . .

FROM source AS build
RUN cmake --preset release -DPEREGRINE_CUDA=OFF -DPEREGRINE_BUILD_TESTS=OFF \
      -DPEREGRINE_BUILD_BENCHES=OFF && \
    cmake --build --preset release --target peregrine peregrine-compare \
      peregrine-inspect peregrine-server && \
    strip build/release/bin/peregrine*

# NVIDIA's compiler and runtime (11.8), which Debian has in non-free. Several GB,
# of which nothing but our own kernels and a static runtime comes any further.
# Needs a driver of 450.80.02 or newer; 520 is the first made for 11.8.
# scripts/cuda-11 compiles with it outside of an image.
FROM source AS build-cuda
RUN for list in /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources; do \
      if [ -f "$list" ]; then \
        sed -i -E 's/^(deb .*|Components:.*) main$/\1 main contrib non-free/' "$list"; \
      fi; \
    done && \
    apt-get update && \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      nvidia-cuda-toolkit
RUN cmake --preset cuda -DPEREGRINE_BUILD_TESTS=OFF \
      -DPEREGRINE_BUILD_BENCHES=OFF && \
    cmake --build --preset cuda --target peregrine peregrine-compare \
      peregrine-inspect peregrine-server && \
    strip build/cuda/bin/peregrine*

# Shared libraries, from packages, so that a scanner sees their versions. Linking
# statically would save little: two thirds of their size are oneDNN, of which
# Debian has no static library, and the data of ICU.
FROM base AS runtime
RUN apt-get update && \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      libabsl20220623 libcld2-0 libdnnl2 libgrpc++1.51 libgumbo1 libicu72 \
      libprometheus-cpp-core1.0 libprotobuf32 libre2-9 libspdlog1.10 libxml2 \
      zlib1g && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/ldconfig/* \
           /var/cache/debconf/* /var/log/* /usr/share/doc/*
COPY models/en-de-mdn /models/en-de-mdn
COPY models/de-en-mdn /models/de-en-mdn
# Being reachable is the point of the container; who may reach it is for the
# network around it to decide.
ENV PEREGRINE_LISTEN=:50051 \
    PEREGRINE_METRICS_LISTEN=:9090 \
    PEREGRINE_MODEL=/models/en-de-mdn,/models/de-en-mdn
EXPOSE 50051 9090
USER 65532:65532
# By HTTP, so that TLS and certificates of clients do not matter.
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s \
  CMD peregrine health --metrics-address="localhost:${PEREGRINE_METRICS_LISTEN##*:}"
ENTRYPOINT ["peregrine-server"]

# The driver's library, libcuda, is the host's: NVIDIA's container runtime puts
# it in, as the two variables ask. `utility` is NVML, for `peregrine compare`.
# cuBLASLt (560 MB) multiplies in the encoder; without it own kernels would.
FROM runtime AS cuda
USER root
RUN for list in /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources; do \
      if [ -f "$list" ]; then \
        sed -i -E 's/^(deb .*|Components:.*) main$/\1 main contrib non-free/' "$list"; \
      fi; \
    done && \
    apt-get update && \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      libcublaslt11 && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/ldconfig/* \
           /var/cache/debconf/* /var/log/* /usr/share/doc/*
USER 65532:65532
COPY --from=build-cuda /src/build/cuda/bin/peregrine* /usr/local/bin/
# That every library is there.
RUN peregrine-server --version && peregrine --version && \
    peregrine compare --version && peregrine models inspect --version
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    PEREGRINE_DEVICES=cuda:0

# Envoy with our configuration. The certificate is mounted: /etc/envoy/tls.
FROM source AS descriptor
RUN scripts/descriptor /peregrine.pb

FROM ${ENVOY} AS edge
COPY deploy/envoy/*.yaml deploy/envoy/rest.lua /etc/envoy/
COPY deploy/web /etc/envoy/web
COPY deploy/envoy/drain /usr/local/bin/drain
COPY --from=descriptor /peregrine.pb /etc/envoy/
EXPOSE 8443 9902
USER 101:101
# Not by its usual script, which wants to be root.
ENTRYPOINT ["envoy", "-c", "/etc/envoy/envoy.yaml"]

# The Python client with its command, for bulk jobs.
FROM ${DEBIAN} AS python
RUN apt-get update && \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      python3-venv && \
    rm -rf /var/lib/apt/lists/*
COPY proto /src/proto
COPY python /src/python
RUN python3 -m venv /opt/peregrine && \
    /opt/peregrine/bin/pip install --no-cache-dir '/src/python[bulk]' && \
    /opt/peregrine/bin/peregrine-py --help > /dev/null
USER 65532:65532
ENTRYPOINT ["/opt/peregrine/bin/peregrine-py"]

# What is built where no target is named.
FROM runtime AS cpu
COPY --from=build /src/build/release/bin/peregrine* /usr/local/bin/
RUN peregrine-server --version && peregrine --version && \
    peregrine compare --version && peregrine models inspect --version
