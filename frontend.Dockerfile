# The image that a `# syntax=` line names: one static binary, nothing else.
#
#   docker buildx build -f frontend.Dockerfile --platform linux/amd64,linux/arm64 --push -t REGISTRY/backstage-build:1 .
#
# A binary that is already built takes the place of the build stage:
#   --build-context build=FOLDER      with FOLDER/out/amd64/backstage-build, FOLDER/out/arm64/backstage-build

# Compiles on the builder's own platform for the target's. Debian has the standard library, a linker and a
# static C library for both; backports has the newer compiler.
FROM --platform=$BUILDPLATFORM debian:trixie-slim AS build
ARG TARGETARCH
RUN <<'SH'
  set -eu
  case $TARGETARCH in
    amd64) gcc=gcc-x86-64-linux-gnu ;;
    arm64) gcc=gcc-aarch64-linux-gnu ;;
    *) echo "no build for $TARGETARCH: it is amd64 or arm64" >&2; exit 1 ;;
  esac
  echo 'deb http://deb.debian.org/debian trixie-backports main' >/etc/apt/sources.list.d/backports.list
  dpkg --add-architecture "$TARGETARCH"
  apt-get update
  apt-get install -y --no-install-recommends -t trixie-backports \
    ca-certificates gcc libc6-dev "$gcc" "libc6-dev:$TARGETARCH" rustc cargo "libstd-rust-dev:$TARGETARCH"
  rm -rf /var/lib/apt/lists/*
SH
RUN --mount=type=bind,target=/source \
    --mount=type=cache,id=backstage-build-cargo,target=/root/.cargo/registry,sharing=locked \
    --mount=type=cache,id=backstage-build-target-$TARGETARCH,target=/target,sharing=locked <<'SH'
  set -eu
  case $TARGETARCH in
    amd64) target=x86_64-unknown-linux-gnu gcc=x86_64-linux-gnu-gcc name=X86_64_UNKNOWN_LINUX_GNU ;;
    arm64) target=aarch64-unknown-linux-gnu gcc=aarch64-linux-gnu-gcc name=AARCH64_UNKNOWN_LINUX_GNU ;;
  esac
  cd /source
  env "CARGO_TARGET_${name}_LINKER=$gcc" "CARGO_TARGET_${name}_RUSTFLAGS=-C target-feature=+crt-static" \
    cargo build --release --locked --package backstage-build --target "$target" --target-dir /target
  install -D "/target/$target/release/backstage-build" "/out/$TARGETARCH/backstage-build"
SH

# For `--target binary --output FOLDER`: the files alone, laid out as above.
FROM scratch AS binary
COPY --from=build /out /out

FROM scratch
ARG TARGETARCH
# Only what is done: a capability that is named here and not kept would be worse than one refused.
LABEL moby.buildkit.frontend.network.none="true" \
      moby.buildkit.frontend.caps="moby.buildkit.frontend.subrequests"
COPY --from=build /out/$TARGETARCH/backstage-build /backstage-build
ENTRYPOINT ["/backstage-build"]
