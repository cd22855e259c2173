# shellcheck shell=bash
# Everything that must be there before the story begins, and how it is removed again.

STATE=/var/lib/virtquorum-testbed # the testbed's one fixed place
KUBECTL=$STATE/bin/kubectl
export KUBECONFIG=$STATE/admin.kubeconfig

SYSTEM=${DEMO_SYSTEM:-virtquorum-system} # the operator's namespace
RELEASE=${DEMO_RELEASE:-virtquorum}      # Helm's name for it
WATCH=${DEMO_WATCH:-}                    # namespaces that this operator leads; empty: all
IMAGE=${DEMO_IMAGE:-}                    # directory of a built image.tar and image.ref; empty: build it

kubectl() { "$KUBECTL" "$@"; }

# long WHAT COMMAND...: runs a silent command, says every 30 s that it still runs, and shows the end of its output if it fails
long() {
  local what=$1 log began=$SECONDS told=$SECONDS pid status=0
  shift
  log=$WORK/${1##*/}.log
  progress "$what ..."
  "$@" > "$log" 2>&1 &
  pid=$!
  while kill -0 $pid 2> /dev/null; do
    sleep 0.2
    if [ $((SECONDS - told)) -ge 30 ]; then
      told=$SECONDS
      progress "$what: still at it after $((SECONDS - began)) s"
    fi
  done
  wait $pid || status=$?
  if [ $status != 0 ]; then
    tail -n 20 "$log" | output
    fail "$what" "it ended with exit code $status after $((SECONDS - began)) s; its last lines are above" "$log"
  fi
  progress "$what: done in $((SECONDS - began)) s"
}

testbed() { # its progress as ours; its own clock is left out
  local line
  testbed/testbed "$@" 2>&1 | while IFS= read -r line; do
    if [[ $line =~ ^\ *[0-9.]+s\ \ (.*)$ ]]; then progress "${BASH_REMATCH[1]}"; else output <<< "$line"; fi
  done
}

up_to_date() { # is the image newer than all that goes into it?
  [ -f target/image.tar ] && [ -f target/image.ref ] && [ -f target/virtquorum.jar ] &&
    [ -z "$(find src/main pom.xml deploy guest -newer target/image.ref -print -quit)" ]
}

build_image() {
  if [ -n "$IMAGE" ]; then
    progress "the image is taken from $IMAGE"
    return
  fi
  IMAGE=target
  if up_to_date; then
    progress "the image is up to date"
    return
  fi
  long "compiling VirtQuorum" package
  long "compiling the guest program" tools/guest programs
  long "building its container image" deploy/image/build
  touch target/image.ref # it may be the same image as before, now known to be up to date
}

set_up() {
  heading "Set-up: a real three-node Kubernetes with KubeVirt on this machine, and VirtQuorum on it"
  tell "The first run compiles Kubernetes and KubeVirt, which takes long; later runs start in a minute or two." \
    "Lines that begin with \$ are the commands that run; kubectl stands for testbed/testbed kubectl."
  blank
  [ "$(id -u)" = 0 ] || fail "to run as root, because the testbed makes namespaces and mounts" "user $(id -un)" "sudo make demo"
  install_packages curl mmdebstrap unzip
  testbed build || fail "the testbed to be built" "the error above" "testbed/testbed logs"
  build_image
  testbed up || fail "the testbed to come up" "the error above" "testbed/testbed status"
  progress "giving the image to the nodes"
  testbed load "$IMAGE/image.tar" || fail "the nodes to take the image" "the error above" "testbed/testbed status"
}

install_operator() {
  local reference
  local -a values
  reference=$(< "$IMAGE/image.ref")
  values=(--set "image.repository=${reference%:*}" --set "image.tag=${reference##*:}")
  progress "installing VirtQuorum with Helm into the namespace $SYSTEM"
  kubectl apply --server-side --force-conflicts -f crds/ > /dev/null
  shown "helm upgrade --install $RELEASE helm/virtquorum --namespace $SYSTEM --create-namespace ${values[*]}"
  if [ -n "$WATCH" ]; then values+=(--set "watchNamespaces={$WATCH}"); fi
  testbed/testbed helm upgrade --install "$RELEASE" helm/virtquorum --namespace "$SYSTEM" --create-namespace \
    "${values[@]}" > "$WORK/helm.log" 2>&1 || {
    output < "$WORK/helm.log"
    fail "Helm to install the chart" "the error above" "helm/virtquorum"
  }
  kubectl -n "$SYSTEM" rollout status "deployment/$RELEASE" --timeout=180s > "$WORK/rollout.log" 2>&1 ||
    fail "the operator to be ready within 180 s" "$(tail -n 1 "$WORK/rollout.log")" \
      "testbed/testbed kubectl -n $SYSTEM describe pods"
  progress "the operator is ready"
}

# clear_namespace: removes what an earlier demo left, its VMs' disks too
clear_namespace() {
  local volume
  if kubectl get namespace demo > /dev/null 2>&1; then
    progress "removing what an earlier demo left in the namespace demo"
    if kubectl get crd haclusters.virtquorum.io > /dev/null 2>&1 &&
      ! kubectl -n demo delete haclusters --all --timeout=60s > /dev/null 2>&1; then
      # nobody leads it any more: let it go without its operator
      kubectl -n demo get haclusters -o name | while read -r volume; do
        kubectl -n demo patch "$volume" --type=merge -p '{"metadata":{"finalizers":null}}' > /dev/null 2>&1 || true
      done
    fi
    kubectl -n demo delete vm --all --timeout=120s > /dev/null
    kubectl delete namespace demo --timeout=180s > /dev/null ||
      fail "the namespace demo to be gone within 180 s" "$(kubectl get namespace demo -o 'jsonpath={.status.conditions[*].message}')" \
        "testbed/testbed kubectl -n demo get all,vmi,pvc"
  fi
  for volume in 0 1 2; do testbed/testbed volume remove demo-web-$volume > /dev/null; done
}

remove() {
  if ! kubectl get --raw /readyz > /dev/null 2>&1; then
    progress "the testbed is not up: there is nothing to remove"
    return
  fi
  clear_namespace
  if kubectl get namespace "$SYSTEM" > /dev/null 2>&1; then
    progress "removing the operator"
    # Without hooks: there is nothing left to release, and their watched namespace is gone.
    testbed/testbed helm uninstall "$RELEASE" --namespace "$SYSTEM" --ignore-not-found --no-hooks > /dev/null 2>&1
    kubectl delete namespace "$SYSTEM" --timeout=120s > /dev/null
  fi
  progress "removed. The testbed still runs; it goes with: testbed/testbed down"
}
