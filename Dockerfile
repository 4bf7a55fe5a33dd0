# The image: one static program, nothing else. The compiler runs on the builder's
# own architecture and builds for the image's.
FROM --platform=$BUILDPLATFORM golang:1.26.8@sha256:3c3e25a4da13fd0478eed2df1eb35a0e667094a7124d3993a6a1d30f71c17e79 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS
ARG TARGETARCH
ARG VERSION=dev
ARG COMMIT=unknown
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false \
    -ldflags "-s -w -X main.release=$VERSION -X main.revision=$COMMIT" -o /kubemirror .

FROM scratch
COPY --from=build /kubemirror /kubemirror
USER 65532:65532
ENTRYPOINT ["/kubemirror"]
