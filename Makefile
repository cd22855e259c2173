# The two commands are `make demo` and `make test`; each does all of its own set-up. `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help

.PHONY: explore help applications demo test build guest image unit e2e simulate bench cost edits mutate manifests format clean

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: ## show the main job on real VMs: a testbed, three VMs, rot, repair, a killed primary
	@tools/demo

test: ## all tests, really run: unit, API server, end to end on the testbed
	@tools/test

build: ## compile and package, without tests
	@. tools/toolchain.sh && package

guest: ## the guest program for amd64 and arm64, static, as .deb, .rpm and .tar.gz: target/guest/
	@tools/guest build

image: build ## the container image: target/image.tar
	@tools/guest programs && . tools/toolchain.sh && deploy/image/build

unit: ## unit and API-server tests only
	@tools/test unit

e2e: ## end-to-end tests only, on the testbed
	@tools/test e2e

simulate: ## whole clusters in simulation: SEEDS=1000 seeds, or MINUTES=10 of them, or SEED=42 alone with its story; COMPARE=200
	@tools/simulate

edits: ## how long a small edit takes to be committed, on the VMs of make demo
	@tools/edits

applications: image ## five applications under load on a primary that is killed 20 times, checked by their own tools
	@tools/applications

cost: image ## a sidecar's start, memory and idle CPU, beside the real guest program; LIMIT=64000000 gives it a pod's limit
	@tools/sidecar-cost 60 $(LIMIT)

bench: ## measure the core on one thread: what, figure, goal
	@tools/bench

mutate: ## how many faults put into the core its tests find: killed, of, score, goal
	@tools/mutate

DEPTH ?= 16
explore: ## all that may happen to three members, deeper than in make test: DEPTH=16
	@. tools/toolchain.sh && maven -q test -Dtest=ExhaustiveTest -Dexplore.depth=$(DEPTH) -Dexplore.states=20000000 \
	  -Dtest.memory=4g -Dtest.output.to.file=false

manifests: ## write what is generated: crds/, the chart's copy of it, deploy/*.yaml, guest/internal/wire
	@. tools/toolchain.sh && export KUBE_API_TEST_DIR=$$VIRTQUORUM_CACHE/kube-api-test && \
	  maven -q test -Dtest=HAClusterCrdTest -Dcrd.write=true && cp crds/* helm/virtquorum/crds/ && \
	  maven -q test -Dtest=ManifestsIT -Dmanifests.write=true && tools/guest generate

format: ## format the Java code
	@. tools/toolchain.sh && maven -q spotless:apply

clean: ## remove what was built here; caches and the testbed stay
	@rm -rf target
