# Two commands do everything: make run, make test.
GO ?= go
export CGO_ENABLED ?= 0
VERSION ?= 0.1.0-dev
LDFLAGS = -s -w -X mural/node.version=$(VERSION)

.PHONY: build run test tools unit race fuzz static cross oracle clients browser lab bench generate lint clean

## run: build the node and start it; prints a link to the app
run: build
	./bin/mural run $(ARGS)

build:
	@mkdir -p bin
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/mural ./cmd/mural

## test: install what the tests need, then run every test
test: tools build
	./internal/testall.sh

## bench: measure and print the table of docs/benchmarks.md
bench: build
	$(GO) run ./bench

## generate: build the app (ui/dist) and other generated files
generate:
	$(GO) generate ./ui

lint:
	test -z "$$(gofmt -l . | grep -v node_modules)"
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

## cross: static builds for the machines people have
cross:
	GOOS=linux GOARCH=amd64 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/mural-linux-amd64 ./cmd/mural
	GOOS=linux GOARCH=arm64 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/mural-linux-arm64 ./cmd/mural
	GOOS=android GOARCH=arm64 $(GO) build -trimpath -ldflags '$(LDFLAGS) -checklinkname=0' -o bin/mural-android-arm64 ./cmd/mural

tools:
	./internal/tools.sh

clean:
	rm -rf bin
