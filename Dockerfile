# The server and the client on Debian 12, for CPUs.
#
#   docker build -t peregrine .
#   docker run --rm -p 50051:50051 -p 127.0.0.1:9090:9090 peregrine
#
# Nothing is fetched but Debian packages. For the same bits at any time, name the
# base image by its digest and a day of snapshot.debian.org:
#
#   docker build --build-arg DEBIAN=debian:bookworm-slim@sha256:... \
#                --build-arg SNAPSHOT=20250601T000000Z .
ARG DEBIAN=debian:bookworm-slim

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

FROM base AS build
WORKDIR /src
COPY scripts/install-deps scripts/
RUN scripts/install-deps --build
COPY . .
RUN cmake --preset release -DPEREGRINE_BUILD_TESTS=OFF \
      -DPEREGRINE_BUILD_BENCHES=OFF && \
    cmake --build --preset release --target peregrine peregrine-server && \
    strip build/release/bin/peregrine build/release/bin/peregrine-server

# Shared libraries, from packages, so that a scanner sees their versions. Linking
# statically would save little: two thirds of their size are oneDNN, of which
# Debian has no static library, and the data of ICU.
FROM base
RUN apt-get update && \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      libabsl20220623 libdnnl2 libgrpc++1.51 libicu72 \
      libprometheus-cpp-pull1.0 libprotobuf32 libspdlog1.10 && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/ldconfig/* \
           /var/cache/debconf/* /var/log/* /usr/share/doc/*
COPY --from=build /src/build/release/bin/peregrine-server \
                  /src/build/release/bin/peregrine /usr/local/bin/
COPY models/en-de-mdn /models/en-de-mdn
# That every library is there.
RUN peregrine-server --version && peregrine --version

# Being reachable is the point of the container; who may reach it is for the
# network around it to decide.
ENV PEREGRINE_LISTEN=:50051 \
    PEREGRINE_METRICS_LISTEN=:9090 \
    PEREGRINE_MODEL=/models/en-de-mdn
EXPOSE 50051 9090
USER 65532:65532
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s \
  CMD ["peregrine", "health"]
ENTRYPOINT ["peregrine-server"]
