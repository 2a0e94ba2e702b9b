# The action's image: one static program on a base that has what runners ask for.
#
#   docker build -t plimsoll .                  everything
#   docker build -t plimsoll --target slim .    without the builder: lint, scan, verify, promote
#
# A runner on Kubernetes starts us with sh, env and tail; RUN instructions need
# runc. BASE is any image that has these or Alpine's apk to fetch them with.
# The two tags are pinned by digest when a release is made: a digest that nothing
# here has resolved would be a guess.
ARG BUILDER=docker.io/library/golang:1.26.8-alpine
ARG BASE=docker.io/library/alpine:3.22

# plimsoll:ignore IMG-3.b -- the release job resolves the digests and builds with them
FROM --platform=$BUILDPLATFORM ${BUILDER} AS build
WORKDIR /src
# Trivy's packages import encoding/json/v2, which Go 1.26 hides behind this.
ENV GOEXPERIMENT=jsonv2 CGO_ENABLED=0
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG TARGETOS TARGETARCH VERSION=dev
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    export GOOS="$TARGETOS" GOARCH="$TARGETARCH" \
 && go build -buildvcs=false -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /out/plimsoll . \
 && go build -buildvcs=false -trimpath -tags slim -ldflags "-s -w -X main.version=$VERSION" -o /out/plimsoll-slim .

# plimsoll:ignore IMG-3.b -- the release job resolves the digests and builds with them
FROM ${BASE} AS base
RUN test -s /etc/ssl/certs/ca-certificates.crt || apk add --no-cache ca-certificates

# What runs programs of the target's architecture stands in base and runtime alone:
# with named contexts for these two and for build, nothing is executed, and a
# machine builds the image of another architecture without emulating it.
FROM base AS runtime
RUN command -v runc >/dev/null || apk add --no-cache runc

FROM base AS slim
COPY --from=build /out/plimsoll-slim /usr/local/bin/plimsoll
ENTRYPOINT ["/usr/local/bin/plimsoll"]

# plimsoll:ignore USR-1.a -- the runner's files belong to a user we cannot know; GitHub's docs ask for root in container actions
FROM runtime
COPY --from=build /out/plimsoll /usr/local/bin/plimsoll
ENTRYPOINT ["/usr/local/bin/plimsoll"]
