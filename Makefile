# One command for each thing one does here. Each can be run alone, twice, and after a kill; each says on
# stderr what it does; what it downloads, compiles or starts lives in one cache folder outside the
# checkout (BACKSTAGE_BUILD_CACHE, by default ~/.cache/backstage-build). `make -s TARGET` answers on stdout.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help engine bases bases-arm64 frontend app demo test bench lint stop clean-cache

# Loads what `hack/engine` prints; every rule that builds starts with it.
with_engine = lines=$$(hack/engine) && eval "$$lines" && hack/bases

help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

engine: ## find or start BuildKit, buildx and a registry; prints export lines
	@hack/engine

bases: ## make the base images resolve; BASES_NODE="22 24" for more lines
	@hack/bases $(BASES_NODE)
