# One command for each thing one does here. Each can be run alone, twice, and after a kill; each says on
# stderr what it does; what it downloads, compiles or starts lives in one cache folder outside the
# checkout (BACKSTAGE_BUILD_CACHE, by default ~/.cache/backstage-build). `make -s TARGET` answers on stdout.

.DEFAULT_GOAL := help
.PHONY: help engine bases bases-arm64 frontend app demo test test-all fuzz bench lint ci stop

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

engine: ## find or start BuildKit, buildx and a registry; prints export lines (ENGINE_NAME, BUILDKIT_VERSION)
	@hack/engine

bases: ## make the base images of an app resolve (BASES_NODE="22 24")
	@hack/bases $(BASES_NODE)

bases-arm64: ## the same for linux/amd64 and linux/arm64, and run arm64 programs under qemu
	@hack/bases-arm64 $(BASES_NODE)

frontend: ## build and push the frontend image; prints its reference (FRONTEND_PLATFORMS, FRONTEND_TAG)
	@hack/frontend

app: ## make the reference Backstage app, today's; prints its folder, which is to be copied, not edited
	@hack/app

demo: ## from nothing to an image of the reference app that runs on Postgres (DEMO_COMPARE=1, DEMO_JSON)
	@hack/demo

test: ## every test, unit to end to end (TEST=unit for the quick ones)
	@hack/test

test-all: ## the same with what takes long: the app on the oldest BuildKit, arm64 under qemu, Backstage 1.45
	@E2E_FULL=1 hack/test

fuzz: ## run each fuzz target for FUZZ_SECONDS (60); FUZZ="plan lockfile" for some of them
	@hack/fuzz $(FUZZ)

lint: ## formatting, clippy, scripts, licences of the dependencies
	@hack/lint

bench: ## compare with the documented Dockerfile, two apps, scenario by scenario (BENCH_RUNS, BENCH_JSON; hack/bench has more)
	@hack/bench

ci: ## what CI runs: lint and test, then stop
	@.ci/run

stop: ## end the daemons that were started here
	@hack/stop
